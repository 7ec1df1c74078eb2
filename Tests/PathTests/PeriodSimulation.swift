import VoiceLivePath
import VoicePlayout
import VoiceRealtime

/// A session in this process in virtual time, with the periods of both devices: what comes at once is captured and
/// converted at once, and what the speaker takes at once is rendered at once.
struct PeriodSimulation {
    /// Frames at 48 kHz.
    var capturePeriod = 64
    var playbackPeriod = 64
    /// A sound server that moves sound in portions of its own; 0 for none.
    var quantum = 0
    /// When the speaker's period begins, as a share of the microphone's.
    var phase = 0.3
    var jitter = 0.000_2
    var playbackPPM = 0.0
    var seed: UInt64 = 1
    /// Whether the path is told of the periods.
    var isTold = true

    struct Outcome {
        /// Of what has just been rendered, in seconds, after the settling.
        var delays: [Double] = []
        /// Of the time after the settling.
        var counts = PlayoutCounts()
        var droppedOld = 0
        var target = 0.0

        var spread: Double { (delays.max() ?? 1) - (delays.min() ?? 0) }
    }

    private static let rate = 48_000
    private static let echoDelay = 720

    func run(seconds: Double, settling: Double) throws -> Outcome {
        var run = try Run(self)
        return run.finish(seconds: seconds, settling: settling)
    }

    private struct Run: ~Copyable {
        let plan: PeriodSimulation
        var dice: Dice
        var path: LivePath
        var tail = [Float](repeating: 0, count: echoDelay)
        var captured = 0
        var block: [Float]
        var outcome = Outcome()

        init(_ plan: PeriodSimulation) throws {
            self.plan = plan
            dice = Dice(seed: plan.seed)
            var path = try LivePath(.local(captureRate: rate, playbackRate: rate, streamRate: rate))
            if plan.isTold {
                path.setPeriods(
                    capture: Int64(plan.capturePeriod) * 1_000_000_000 / Int64(rate),
                    playback: Int64(plan.playbackPeriod) * 1_000_000_000 / Int64(rate))
            }
            path.converterReady(delaySamples: echoDelay, isPaced: false)
            self.path = path
            block = [Float](repeating: 0, count: rate)
        }

        mutating func finish(seconds: Double, settling: Double) -> Outcome {
            var (captures, pulls) = (1, 1)
            var settled: (playout: PlayoutCounts, old: Int)?
            let (recorded, taken) = (plan.burst(plan.capturePeriod), plan.burst(plan.playbackPeriod))
            while true {
                let capture = Double(captures * recorded) / Double(rate)
                let begun = Double(pulls * taken) + plan.phase * Double(recorded)
                let pull = begun / Double(rate) / (1 + plan.playbackPPM * 1e-6)
                let time = min(capture, pull)
                if time > seconds { break }
                if settled == nil, time > settling { settled = (path.counts.playout, path.counts.droppedOld) }
                let now = PeriodSimulation.time(time + plan.jitter * dice.next())
                if capture <= pull {
                    captures += 1
                    self.capture(recorded, now)
                } else {
                    pulls += 1
                    play(taken, now)
                    guard settled != nil else { continue }
                    outcome.delays.append(Double(path.delays(now: now).measured) * 1e-9)
                }
            }
            let (before, after) = (settled?.playout ?? PlayoutCounts(), path.counts.playout)
            outcome.counts.droppedLate = after.droppedLate - before.droppedLate
            outcome.counts.concealed = after.concealed - before.concealed
            outcome.counts.concealments = after.concealments - before.concealments
            outcome.counts.removed = after.removed - before.removed
            outcome.counts.inserted = after.inserted - before.inserted
            outcome.droppedOld = path.counts.droppedOld - (settled?.old ?? 0)
            outcome.target = Double(path.delays(now: PeriodSimulation.time(seconds)).playoutTarget) * 1e-9
            return outcome
        }

        mutating func play(_ frames: Int, _ now: MonotonicTime) {
            var done = 0
            while done < frames {
                let count = min(frames - done, PeriodSimulation.portion(plan.playbackPeriod))
                let early = Int64(done) * 1_000_000_000 / Int64(rate)
                block[..<count].withUnsafeMutableBufferPointer {
                    path.render(into: $0, now: now.advanced(byNanoseconds: early))
                }
                done += count
            }
        }

        mutating func capture(_ frames: Int, _ now: MonotonicTime) {
            var left = frames
            while left > 0 {
                let count = min(left, PeriodSimulation.portion(plan.capturePeriod))
                let sound = [Float](repeating: 0.1, count: count)
                sound.withUnsafeBufferPointer { path.capture($0, now: now) }
                left -= count
            }
            while case .now(let count) = path.departure(now: now) {
                path.depart(samples: count, clock: { now }, send: { tail += Array($0) })
                Array(tail.prefix(count)).withUnsafeBufferPointer { path.receive($0, now: now) }
                tail.removeFirst(count)
            }
        }
    }

    /// Frames that are moved at once: as many cycles of the server as a period takes.
    private func burst(_ period: Int) -> Int {
        quantum > 0 ? (period + quantum - 1) / quantum * quantum : period
    }

    private static func portion(_ period: Int) -> Int {
        PeriodFrames.atOnce(Int64(period) * 1_000_000_000 / Int64(rate), rate: rate)
    }

    private static func time(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64((seconds + 10) * 1e9))
    }
}

import VoiceDownlink
import VoicePlayout
import VoiceRealtime

/// Numbers that look random and are the same for the same seed.
struct Dice {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    /// In [0, 1).
    mutating func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var bits = state
        bits ^= bits >> 33
        bits = bits &* 0xFF51_AFD7_ED55_8CCD
        bits ^= bits >> 33
        return Double(bits >> 11) * 0x1p-53
    }
}

/// A stream that comes over a way with delay, jitter and freezes, and a speaker with a clock of its own; virtual time.
struct CallSimulation: ~Copyable {
    var settings = JitterBuffer.Settings.relay
    var deviceRate = 48_000
    /// Sound in a frame of the sender.
    var frameSeconds = 0.01
    /// Sound in a block of the speaker.
    var blockSeconds = 0.005
    /// By how much the sender's clock runs fast.
    var senderPPM = 0.0
    /// Changes of the sender's clock over time: added to `senderPPM`.
    var wander: (Double) -> Double = { _ in 0 }
    /// Delay of the way at a time, for a frame, in seconds.
    var way: (Double, inout Dice) -> Double = { _, _ in 0.04 }
    /// From when to when the way delivers nothing, in seconds; what was sent meanwhile comes at the end, at once.
    var freezes: [(from: Double, to: Double)] = []
    /// Whether what a freeze holds up is lost instead.
    var losesFrozen = false
    /// How late the speaker's thread may ask, in seconds.
    var pullJitter = 0.0002
    var seed: UInt64 = 1
    var sample: (Int) -> Float = { Float(($0 % 160) - 80) / 320 }

    /// A moment of the call.
    struct Moment {
        let seconds: Double
        /// From the sender's microphone to the speaker's ring.
        let latency: Double
        let target: Double
        let ppm: Double
        /// What the buffer takes for the difference of the clocks.
        let clockPPM: Double
    }

    struct Call {
        var moments: [Moment] = []
        var counts = PlayoutCounts()
        var position = 0
        var waiting = 0
        var output: [Float] = []

        func latencies(_ from: Double, _ to: Double) -> [Double] {
            moments.filter { $0.seconds >= from && $0.seconds < to }.map(\.latency)
        }
    }

    /// Plays `seconds` of a call.
    func run(seconds: Double, every step: Double = 0.1, keepsSound: Bool = false) throws -> Call {
        var dice = Dice(seed: seed)
        var call = Call()
        var downlink = try LiveDownlink(settings, deviceRate: deviceRate)
        let frameSamples = Int(frameSeconds * Double(settings.rate))
        var frame = [Float](repeating: 0, count: frameSamples)
        var block = [Float](repeating: 0, count: Int(blockSeconds * Double(deviceRate)))
        let start = 1.0
        var sentFrames = 0
        var sendTime = start
        var lastArrival = 0.0
        var pending: [(arrival: Double, first: Int, end: Double)] = []
        // Sample number and time of each frame's end, for the latency.
        var made: [(position: Int, time: Double)] = [(0, start)]
        var madeStart = 0
        var pushed = 0
        var tick = 0
        var nextMoment = 0.0
        while true {
            let due = start + Double(tick) * blockSeconds
            let now = due + pullJitter * dice.next()
            if due - start > seconds { break }
            tick += 1
            while sendTime <= now {
                var arrival = sendTime + way(sendTime - start, &dice)
                var isLost = false
                for freeze in freezes where arrival - start >= freeze.from && arrival - start < freeze.to {
                    arrival = start + freeze.to
                    isLost = losesFrozen
                }
                if !isLost {
                    arrival = max(arrival, lastArrival)
                    lastArrival = arrival
                    pending.append((arrival, sentFrames * frameSamples, sendTime))
                }
                sentFrames += 1
                sendTime += frameSeconds / (1 + (senderPPM + wander(sendTime - start)) * 1e-6)
            }
            while let next = pending.first, next.arrival <= now {
                pending.removeFirst()
                for index in 0..<frameSamples { frame[index] = sample(next.first + index) }
                pushed += frameSamples
                // A frame is sent at its end.
                made.append((pushed, next.end))
                frame.withUnsafeBufferPointer { downlink.push($0, arrival: Self.time(next.arrival)) }
            }
            block.withUnsafeMutableBufferPointer { downlink.render(into: $0, now: Self.time(now)) }
            if keepsSound { call.output += block }
            if due - start >= nextMoment {
                nextMoment += step
                while madeStart + 1 < made.count, made[madeStart + 1].position <= downlink.position { madeStart += 1 }
                if madeStart > 4_096 {
                    made.removeFirst(madeStart)
                    madeStart = 0
                }
                let mark = made[min(madeStart + 1, made.count - 1)]
                let madeAt = mark.time + Double(downlink.position - mark.position) / Double(settings.rate)
                call.moments.append(
                    Moment(
                        seconds: due - start, latency: due - madeAt,
                        target: Double(downlink.targetNanoseconds) * 1e-9, ppm: downlink.ratioPPM,
                        clockPPM: downlink.driftPPM))
            }
        }
        call.counts = downlink.counts
        call.position = downlink.position
        call.waiting = downlink.waitingSamples
        return call
    }

    private static func time(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64(seconds * 1e9))
    }
}

import VoiceConversion
import VoiceLivePath
import VoicePlayout
import VoiceRealtime
import VoiceRelay
import VoiceSignal

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

/// The whole path in virtual time: the microphone's clock → uplink → rate ceiling → a network → a converter → the
/// network back → jitter buffer → drift resampler → the speaker's clock.
struct PathSimulation {
    enum Event {
        case mute(Bool)
        case bypass(Bool)
        /// The relay goes; own voice meanwhile or not.
        case lost(ownVoice: Bool)
        case ready
    }

    struct Interval {
        let from: Double
        let to: Double

        func holds(_ time: Double) -> Bool { time >= from && time < to }
    }

    var seed: UInt64 = 1
    var settings = LiveSettings.relay(captureRate: 48_000, playbackRate: 48_000)
    var capturePPM = 0.0
    var playbackPPM = 0.0
    var blockSeconds = 0.005
    /// One way of the network.
    var wayDelay = 0.02
    var wayJitter = 0.004
    /// When the network delivers nothing; what was sent comes after it.
    var freezes: [Interval] = []
    /// When the microphone's thread stands still; the sound comes after it, at once.
    var stalls: [Interval] = []
    /// When what the microphone records is lost.
    var losses: [Interval] = []
    /// How late the threads of microphone and speaker may wake.
    var threadJitter = 0.0
    /// When a sound server stands still: microphone and speaker catch up together at its end.
    var hiccups: [Interval] = []
    /// When the speaker takes nothing.
    var deafness: [Interval] = []
    var events: [(time: Double, event: Event)] = []
    /// What is heard while the relay does not answer.
    var playsOwnVoiceOnStall = false
    /// nil echoes with this delay instead of converting.
    var voice: Voice?
    var echoDelay = 240
    /// The microphone's sound, by its sample.
    var sound: (Int) -> Float = { _ in 0 }
    /// What comes out of the speaker, and when.
    var heard: (UnsafeBufferPointer<Float>, Double) -> Void = { _, _ in }

    struct Outcome {
        var counts = LiveCounts()
        var departures: [(time: Double, bytes: Int)] = []
        /// Delay as the path itself measures it, once every 100 ms: time, seconds; and the drift as it is shown.
        var delays: [(time: Double, delay: Double, target: Double, ppm: Double)] = []
        var waiting = 0
        var ppm = 0.0
        /// When the relay was found not to answer, and when it did again.
        var stalls: [(time: Double, isStalled: Bool)] = []
        /// Samples that were on their way when the time was up.
        var onTheWay = 0
    }

    func run(seconds: Double) throws -> Outcome {
        var run = try PathRun(self)
        return run.finish(seconds: seconds)
    }
}

/// One run of a simulation.
struct PathRun: ~Copyable {
    private let plan: PathSimulation
    private var dice: Dice
    private var path: LivePath
    private var relay: SimulatedRelay
    private var outcome = PathSimulation.Outcome()
    private var capturedFrames = 0
    private var playedFrames = 0
    private var lostFrames = 0
    private var captureBlock: [Float]
    private var playbackBlock: [Float]
    private var toRelay = SimulatedWay()
    private var fromRelay = SimulatedWay()
    private var events: ArraySlice<(time: Double, event: PathSimulation.Event)>
    private static let start = 10.0

    init(_ plan: PathSimulation) throws {
        self.plan = plan
        dice = Dice(seed: plan.seed)
        let path = try LivePath(plan.settings)
        self.path = path
        relay = SimulatedRelay(voice: plan.voice, echoDelay: plan.echoDelay)
        captureBlock = [Float](repeating: 0, count: Int(plan.blockSeconds * Double(plan.settings.captureRate)))
        playbackBlock = [Float](repeating: 0, count: Int(plan.blockSeconds * Double(plan.settings.playbackRate)))
        events = plan.events[...]
    }

    mutating func finish(seconds: Double) -> PathSimulation.Outcome {
        path.converterReady(delaySamples: relay.delaySamples, isPaced: true)
        var captureTick = 1
        var playTick = 0
        var nextNote = 0.0
        while true {
            let captureDue = Double(captureTick) * plan.blockSeconds / (1 + plan.capturePPM * 1e-6)
            let playDue = (Double(playTick) + 0.37) * plan.blockSeconds / (1 + plan.playbackPPM * 1e-6)
            let time = min(captureDue, playDue)
            if time > seconds { break }
            happen(time)
            carry(time)
            if captureDue <= playDue {
                captureTick += 1
                lose(time)
                if !plan.stalls.contains(where: { $0.holds(time) }) { capture(through: captureTick, late(time)) }
            } else {
                playTick += 1
                if !plan.deafness.contains(where: { $0.holds(time) }) { play(late(time)) }
            }
            send(time)
            if time >= nextNote {
                nextNote += 0.1
                let delays = path.delays(now: Self.time(time))
                outcome.delays.append(
                    (
                        time, Double(delays.measured) * 1e-9, Double(delays.playoutTarget) * 1e-9, path.driftPPM
                    ))
            }
        }
        outcome.counts = path.counts
        outcome.waiting = path.waitingSamples
        outcome.ppm = path.driftPPM
        outcome.onTheWay = toRelay.samples + fromRelay.samples
        return outcome
    }

    private static func time(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64((seconds + start) * 1e9))
    }

    private mutating func happen(_ time: Double) {
        while let next = events.first, next.time <= time {
            events.removeFirst()
            switch next.event {
            case .mute(let muted): path.setMuted(muted)
            case .bypass(let bypassed): path.setBypassed(bypassed)
            case .lost(let ownVoice):
                path.converterLost(ownVoice: ownVoice)
                toRelay = SimulatedWay()
                fromRelay = SimulatedWay()
            case .ready:
                relay = SimulatedRelay(voice: plan.voice, echoDelay: plan.echoDelay)
                path.converterReady(delaySamples: relay.delaySamples, isPaced: true)
            }
        }
    }

    private mutating func late(_ time: Double) -> Double {
        let woken = plan.hiccups.first { $0.holds(time) }?.to ?? time
        return plan.threadJitter > 0 ? woken + plan.threadJitter * dice.next() : woken
    }

    private mutating func lose(_ time: Double) {
        if plan.losses.contains(where: { $0.holds(time) }) { lostFrames += captureBlock.count }
    }

    /// Blocks that a stall held up come together.
    private mutating func capture(through tick: Int, _ time: Double) {
        while capturedFrames + lostFrames < tick * captureBlock.count {
            for index in captureBlock.indices { captureBlock[index] = plan.sound(capturedFrames + index) }
            capturedFrames += captureBlock.count
            captureBlock.withUnsafeBufferPointer { path.capture($0, now: Self.time(time)) }
        }
    }

    private mutating func play(_ time: Double) {
        playbackBlock.withUnsafeMutableBufferPointer { path.render(into: $0, now: Self.time(time)) }
        playbackBlock.withUnsafeBufferPointer { plan.heard($0, time) }
    }

    private mutating func send(_ time: Double) {
        let isStalled = path.watchAnswers(ownVoice: plan.playsOwnVoiceOnStall, now: Self.time(time))
        if isStalled != outcome.stalls.last?.isStalled ?? false { outcome.stalls.append((time, isStalled)) }
        while case .now(let count) = path.departure(now: Self.time(time)) {
            var packet: [Float] = []
            path.depart(samples: count, clock: { Self.time(time) }, send: { packet = Array($0) })
            outcome.departures.append((time, 2 * packet.count))
            toRelay.send(packet, arrival(time))
        }
    }

    private mutating func arrival(_ time: Double) -> Double {
        let arrival = time + plan.wayDelay + plan.wayJitter * dice.next()
        return plan.freezes.first { $0.holds(arrival) }?.to ?? arrival
    }

    private mutating func carry(_ time: Double) {
        while let packet = toRelay.next(time) {
            fromRelay.send(relay.answer(packet.samples), arrival(packet.arrival))
        }
        while let packet = fromRelay.next(time) {
            packet.samples.withUnsafeBufferPointer { path.receive($0, now: Self.time(packet.arrival)) }
        }
    }
}

/// One direction of a connection: in order, and nothing is lost.
struct SimulatedWay {
    private var packets: [(samples: [Float], arrival: Double)] = []
    private var first = 0
    private var lastArrival = 0.0
    private(set) var samples = 0

    mutating func send(_ samples: [Float], _ arrival: Double) {
        lastArrival = max(lastArrival, arrival)
        packets.append((samples, lastArrival))
        self.samples += samples.count
    }

    mutating func next(_ time: Double) -> (samples: [Float], arrival: Double)? {
        guard first < packets.count, packets[first].arrival <= time else { return nil }
        defer {
            first += 1
            if first > 1_000 {
                packets.removeFirst(first)
                first = 0
            }
        }
        samples -= packets[first].samples.count
        return packets[first]
    }
}

/// What converts at the other end: the real converter, or an echo as late as one.
struct SimulatedRelay: ~Copyable {
    private var converter: VoiceConverter?
    private var tail: [Float]
    let delaySamples: Int

    init(voice: Voice?, echoDelay: Int) {
        guard let voice else {
            converter = nil
            tail = [Float](repeating: 0, count: echoDelay)
            delaySamples = echoDelay
            return
        }
        let converter = VoiceConverter(voice: voice)
        delaySamples = converter.delaySamples
        self.converter = consume converter
        tail = []
    }

    mutating func answer(_ samples: [Float]) -> [Float] {
        guard converter != nil else {
            tail += samples
            defer { tail.removeFirst(samples.count) }
            return Array(tail.prefix(samples.count))
        }
        var output = samples
        samples.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { converter?.process(input, into: $0) }
        }
        return output
    }
}

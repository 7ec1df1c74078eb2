import NIOCore
import Synchronization
import VoiceRelay
import VoiceSignal

/// A live session as a dashboard shows it.
public struct RelaySessionSnapshot: Sendable, Identifiable {
    public let id: String
    /// Whose credits it uses, where the ledger knows.
    public let owner: String?
    public let voice: String
    /// The protocol's name of the sound's format.
    public let format: String
    /// Since it was ready.
    public let ageSeconds: Double
    /// Seconds of sound taken, which are what is billed, and given back.
    public let secondsIn: Double
    public let secondsOut: Double
    public let bytesIn: Int
    public let bytesOut: Int
    /// Levels of the last frame, full scale 1.
    public let inputPeak: Float
    public let inputRMS: Float
    public let outputPeak: Float
    public let outputRMS: Float
    /// How much later than it was given sound comes back by design, in milliseconds.
    public let delayMilliseconds: Double
    /// How long the session's frames waited for a worker in the last seconds, in milliseconds.
    public let workerDelayMedian: Double
    public let workerDelay99: Double
    public let workerDelayWorst: Double
}

/// What the relay as a whole does, for metrics.
public struct RelayLoadSnapshot: Sendable {
    /// Connections, whether they have said who they are or not.
    public var connections = 0
    /// Sessions that are ready.
    public var sessions = 0
    public var connectionsTotal = 0
    public var sessionsTotal = 0
    /// Refused because as many are open as may be, and because sessions wait too long for a worker.
    public var refusedFull = 0
    public var refusedLate = 0
    /// Closes by the protocol's name of their reason.
    public var closes: [String: Int] = [:]
    /// Of all sessions that ever were.
    public var secondsIn = 0.0
    public var workers = 0
    /// How long work waited for a worker in the last seconds, in milliseconds.
    public var workerDelayMedian = 0.0
    public var workerDelay90 = 0.0
    public var workerDelay99 = 0.0
}

/// The meters of one session. Written by its worker, read from any thread.
final class SessionMeters: Sendable {
    struct Values {
        var owner: String?
        var voice = ""
        var wire = RelayWire.pcm
        var readySince: NIODeadline?
        var delaySamples = 0
        var samplesIn = 0
        var samplesOut = 0
        var bytesIn = 0
        var bytesOut = 0
        var input = LevelMeter.Block()
        var output = LevelMeter.Block()
    }

    let id: String
    let values = Mutex(Values())
    private let executor: SessionExecutor

    init(id: String, executor: SessionExecutor) {
        self.id = id
        self.executor = executor
    }

    /// `nil` until the session is ready.
    func snapshot(now: NIODeadline) -> RelaySessionSnapshot? {
        let values = values.withLock { $0 }
        guard let readySince = values.readySince else { return nil }
        let lateness = executor.lateness
        let rate = Double(RelayProtocol.sampleRate)
        return RelaySessionSnapshot(
            id: id, owner: values.owner, voice: values.voice, format: values.wire.format,
            ageSeconds: Double((now - min(readySince, now)).nanoseconds) / 1e9,
            secondsIn: Double(values.samplesIn) / rate, secondsOut: Double(values.samplesOut) / rate,
            bytesIn: values.bytesIn, bytesOut: values.bytesOut, inputPeak: values.input.peak,
            inputRMS: values.input.rms, outputPeak: values.output.peak, outputRMS: values.output.rms,
            delayMilliseconds: Double(values.delaySamples) * 1_000 / rate, workerDelayMedian: lateness.median,
            workerDelay99: lateness.percentile99, workerDelayWorst: lateness.worst)
    }
}

/// Who is connected, and what has become of those who were.
final class SessionRegistry: Sendable {
    private struct State {
        var meters: [String: SessionMeters] = [:]
        var load = RelayLoadSnapshot()
    }

    private let state = Mutex(State())

    /// Takes a connection in, unless as many are there as may be.
    func admit(_ meters: SessionMeters, max: Int) -> Bool {
        state.withLock { state in
            state.load.connectionsTotal += 1
            guard state.meters.count < max else {
                state.load.refusedFull += 1
                return false
            }
            state.meters[meters.id] = meters
            return true
        }
    }

    /// A connection is gone.
    func remove(_ meters: SessionMeters) {
        let values = meters.values.withLock { $0 }
        state.withLock { state in
            guard state.meters.removeValue(forKey: meters.id) != nil else { return }
            if values.readySince != nil { state.load.sessionsTotal += 1 }
            state.load.secondsIn += Double(values.samplesIn) / Double(RelayProtocol.sampleRate)
        }
    }

    func noteRefusedLate() {
        state.withLock { $0.load.refusedLate += 1 }
    }

    func noteClose(_ code: RelayCloseCode) {
        state.withLock { $0.load.closes[code.name, default: 0] += 1 }
    }

    /// Live sessions, the oldest first.
    func sessions(now: NIODeadline = .now()) -> [RelaySessionSnapshot] {
        let meters = state.withLock { Array($0.meters.values) }
        return meters.compactMap { $0.snapshot(now: now) }.sorted { $0.ageSeconds > $1.ageSeconds }
    }

    /// Counts, without what the worker pool knows.
    func load() -> RelayLoadSnapshot {
        let (load, meters) = state.withLock { ($0.load, Array($0.meters.values)) }
        var sum = load
        sum.connections = meters.count
        for meters in meters {
            let (isReady, samples) = meters.values.withLock { ($0.readySince != nil, $0.samplesIn) }
            sum.secondsIn += Double(samples) / Double(RelayProtocol.sampleRate)
            if isReady {
                sum.sessions += 1
                sum.sessionsTotal += 1
            }
        }
        return sum
    }
}

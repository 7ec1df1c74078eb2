import Synchronization
import VoiceRelay
import VoiceWebSocketClient

/// What a session's worker and the thread of its upstream connection share. Nothing here waits; all of it is bounded.
final class UpstreamLink: Sendable {
    /// The other end takes less than the client sends.
    struct Behind: Error {}

    private struct State {
        /// From `first` on, samples of the client that have not left.
        var bytes: [UInt8] = []
        var first = 0
        /// Voices that were asked for and not passed on yet.
        var voices: [String] = []
        var isEnded = false
        var isAbandoned = false
        var answer: [Float] = []
        var voiceAnswers: [RelayVoiceAnswer] = []
        var ready: RelayReady?
        var isDone = false
        var failure: (any Error)?
        var waker: Waker?
    }

    /// Ten seconds of sound each way.
    private static let outgoingBytesMax = 10 * RelayProtocol.declaredBytesPerSecond
    private static let answerSamplesMax = 10 * RelayProtocol.sampleRate
    /// Requests for voices, and their answers, that wait for either side; the oldest of more are dropped.
    private static let voicesMax = 64
    private let state = Mutex(State())
    private let onChange: @Sendable () -> Void

    init(onChange: @escaping @Sendable () -> Void) {
        self.onChange = onChange
    }

    // MARK: - The worker's side

    var ready: RelayReady? { state.withLock { $0.ready } }
    var isDrained: Bool { state.withLock { $0.isDone && $0.answer.isEmpty } }

    func push(_ samples: UnsafeBufferPointer<Float>) throws {
        try change { state in
            guard state.bytes.count - state.first + 2 * samples.count <= Self.outgoingBytesMax else { throw Behind() }
            for sample in samples {
                let value = Int16(max(-32_768, min(32_767, (sample * 32_768).rounded())))
                state.bytes.append(UInt8(truncatingIfNeeded: value))
                state.bytes.append(UInt8(truncatingIfNeeded: value >> 8))
            }
        }
    }

    func setVoice(_ name: String) {
        try? change { state in
            state.voices.append(name)
            if state.voices.count > Self.voicesMax { state.voices.removeFirst() }
        }
    }
    func end() { try? change { $0.isEnded = true } }
    func abandon() { try? change { $0.isAbandoned = true } }

    /// The answer so far, and the fault that ended it.
    func take() -> (answer: [Float], failure: (any Error)?) {
        let (answer, failure, waker) = state.withLock { state in
            defer { state.answer = [] }
            let wasFull = state.answer.count >= Self.answerSamplesMax
            return (state.answer, state.failure, wasFull ? state.waker : nil)
        }
        waker?.signal()
        return (answer, failure)
    }

    func takeVoiceAnswers() -> [RelayVoiceAnswer] {
        state.withLock { state in
            defer { state.voiceAnswers = [] }
            return state.voiceAnswers
        }
    }

    private func change(_ body: (inout State) throws -> Void) throws {
        let waker = try state.withLock { state in
            try body(&state)
            return state.waker
        }
        waker?.signal()
    }

    // MARK: - The thread's side

    /// From here on the worker's changes end the thread's waits.
    func attach(_ waker: Waker) {
        let isAbandoned = state.withLock { state in
            state.waker = waker
            return state.isAbandoned
        }
        if isAbandoned { waker.signal() }
    }

    /// Whether the answer has no more room: nothing should be read meanwhile.
    var isFull: Bool { state.withLock { $0.answer.count >= Self.answerSamplesMax } }
    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Bytes that wait to leave, at most `limit` of them.
    func waiting(limit: Int) -> Int { state.withLock { min($0.bytes.count - $0.first, limit) } }

    /// Whether the client has ended and all of its sound has left.
    var isEmptied: Bool { state.withLock { $0.isEnded && $0.bytes.count == $0.first } }

    func takeBytes(_ count: Int) -> [UInt8] {
        state.withLock { state in
            let end = state.first + min(count, state.bytes.count - state.first)
            defer {
                state.first = end
                if end == state.bytes.count || end >= 65_536 {
                    state.bytes.removeFirst(end)
                    state.first = 0
                }
            }
            return Array(state.bytes[state.first..<end])
        }
    }

    func takeVoice() -> String? {
        state.withLock { $0.voices.isEmpty ? nil : $0.voices.removeFirst() }
    }

    func begin(_ ready: RelayReady) {
        state.withLock { $0.ready = ready }
        onChange()
    }

    /// A frame of the answer: signed 16-bit little-endian samples.
    func answer(_ bytes: [UInt8]) {
        state.withLock { state in
            for index in stride(from: 0, to: bytes.count - 1, by: 2) {
                let sample = Int16(bitPattern: UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
                state.answer.append(Float(sample) / 32_768)
            }
        }
        onChange()
    }

    /// What the other end made of a request for another voice.
    func note(_ answer: RelayVoiceAnswer) {
        state.withLock { state in
            state.voiceAnswers.append(answer)
            if state.voiceAnswers.count > Self.voicesMax { state.voiceAnswers.removeFirst() }
        }
        onChange()
    }

    /// The end; `nil` when all of the answer came.
    func finish(_ failure: (any Error)?) {
        state.withLock { state in
            state.failure = failure
            state.isDone = failure == nil
            state.waker = nil
        }
        onChange()
    }
}

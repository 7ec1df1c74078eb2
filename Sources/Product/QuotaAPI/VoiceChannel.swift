import Synchronization
import VoiceKit
import VoiceRelay
import VoiceWebSocketClient

/// The seam between the callers of a voice session and the thread of its connection: two bounded queues.
final class VoiceChannel: Sendable {
    fileprivate struct State {
        var outgoing: [ArraySlice<UInt8>] = []
        var outgoingBytes = 0
        var isInputFinished = false
        var isCancelled = false
        var incoming: [[UInt8]] = []
        var incomingBytes = 0
        var waiter: CheckedContinuation<[UInt8]?, Never>?
        var ready: RelayReady?
        var usage: RelayUsage?
        /// The bills of connections that were lost, as far as they were told.
        var usageBefore: RelayUsage?
        /// Between two connections: what is offered now is dropped, so that nothing old is sent later.
        var isAway = false
        var droppedBytes = 0
        var retry: Task<Void, Never>?
        var ending: RelayEnding?
        var enders: [CheckedContinuation<RelayEnding, Never>] = []
        var waker: Waker?
    }

    /// Converted sound that may wait for the caller: half a minute.
    private static let incomingBytesMax = 1 << 20

    private static let eventsMax = 64

    let voice: VoiceSessionOptions
    let events: AsyncStream<VoiceSessionEvent>
    private let teller: AsyncStream<VoiceSessionEvent>.Continuation
    private let state = Mutex(State())

    init(voice: VoiceSessionOptions) {
        self.voice = voice
        (events, teller) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.eventsMax))
    }

    // MARK: - The callers' side

    func offer(_ pcm: [UInt8]) throws(VoiceSendError) {
        guard pcm.count % RelayProtocol.bytesPerSample == 0 else { throw .oddLength }
        let (error, waker) = state.withLock { state -> (VoiceSendError?, Waker?) in
            guard !state.isInputFinished, !state.isCancelled, state.ending == nil else { return (.ended, nil) }
            guard !state.isAway else {
                state.droppedBytes += pcm.count
                return (nil, nil)
            }
            // An empty queue takes any piece, so that none is too large for ever.
            guard state.outgoing.isEmpty || state.outgoingBytes + pcm.count <= voice.waitingBytesMax else {
                return (.full, nil)
            }
            if !pcm.isEmpty { state.outgoing.append(pcm[...]) }
            state.outgoingBytes += pcm.count
            return (nil, state.waker)
        }
        if let error { throw error }
        waker?.signal()
    }

    func finishInput() {
        wake { $0.isInputFinished = true }
    }

    func cancel() {
        wake { $0.isCancelled = true }
    }

    private func wake(_ change: (inout State) -> Void) {
        let (waker, retry) = state.withLock { state in
            change(&state)
            return (state.waker, state.retry)
        }
        waker?.signal()
        // Nobody wants to come back any more.
        retry?.cancel()
    }

    func nextAudio() async -> [UInt8]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isTaken = state.withLock { state in
                    // One loop alone: a second one's turn ends the first.
                    state.waiter?.resume(returning: nil)
                    state.waiter = nil
                    if !state.incoming.isEmpty || state.ending != nil || Task.isCancelled { return false }
                    state.waiter = continuation
                    return true
                }
                if !isTaken { continuation.resume(returning: Task.isCancelled ? nil : takeAudio()) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    private func takeAudio() -> [UInt8]? {
        let (audio, waker) = state.withLock { state -> ([UInt8]?, Waker?) in
            guard !state.incoming.isEmpty else { return (nil, nil) }
            let wasFull = state.incomingBytes >= Self.incomingBytesMax
            // What waits is taken as one piece: a slow caller catches up, and nothing is moved piece by piece.
            let audio = Array(state.incoming.joined())
            state.incoming.removeAll()
            state.incomingBytes = 0
            return (audio, wasFull ? state.waker : nil)
        }
        waker?.signal()
        return audio
    }

    func end() async -> RelayEnding {
        await withCheckedContinuation { continuation in
            let ending = state.withLock { state in
                if state.ending == nil { state.enders.append(continuation) }
                return state.ending
            }
            if let ending { continuation.resume(returning: ending) }
        }
    }

    /// The running bill of all connections.
    var usage: RelayUsage? {
        state.withLock { state in state.usage.map { $0.after(state.usageBefore) } ?? state.usageBefore }
    }
    /// The relay's grant for the connection of the moment.
    var ready: RelayReady? { state.withLock { $0.ready } }

    // MARK: - Between connections

    /// The connection is gone and another is to come: what waits is dropped. False where none may come, since the caller
    /// closed the session or has nothing more to send.
    func leave() -> Bool {
        state.withLock { state in
            guard !state.isCancelled, !state.isInputFinished, state.ending == nil else { return false }
            state.isAway = true
            state.droppedBytes = state.outgoingBytes
            state.outgoing.removeAll()
            state.outgoingBytes = 0
            state.usageBefore = state.usage.map { $0.after(state.usageBefore) } ?? state.usageBefore
            state.usage = nil
            return true
        }
    }

    /// Keeps the task that comes back, so that the end of the session ends it.
    func hold(_ retry: Task<Void, Never>) {
        let isUnwanted = state.withLock { state in
            state.retry = retry
            return state.isUnwanted
        }
        if isUnwanted { retry.cancel() }
    }

    func tell(_ event: VoiceSessionEvent) {
        teller.yield(event)
    }

    // MARK: - The connection's side

    /// The relay takes sound from here on.
    func begin(_ ready: RelayReady) {
        let dropped = state.withLock { state -> Int? in
            defer { (state.isAway, state.ready) = (false, ready) }
            return state.isAway ? state.droppedBytes : nil
        }
        guard let dropped else { return }
        teller.yield(
            .reconnected(
                sessionID: ready.sessionID, reservedCredits: ready.reservedCredits, droppedBytes: dropped))
    }

    func attach(_ waker: Waker?) -> Bool {
        state.withLock { state in
            state.waker = waker
            return state.isUnwanted
        }
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    var isUnwanted: Bool { state.withLock { $0.isUnwanted } }
    var isFull: Bool { state.withLock { $0.incomingBytes >= Self.incomingBytesMax } }

    /// Up to `bytes` of what waits to be sent; `nil` when the input is finished and all of it was taken.
    func takePacket(_ bytes: Int) -> [UInt8]? {
        state.withLock { state in
            guard !state.outgoing.isEmpty else { return state.isInputFinished ? nil : [] }
            var packet: [UInt8] = []
            while packet.count < bytes, let first = state.outgoing.first {
                let room = bytes - packet.count
                packet += first.prefix(room)
                if first.count > room {
                    state.outgoing[0] = first.dropFirst(room)
                } else {
                    state.outgoing.removeFirst()
                }
            }
            state.outgoingBytes -= packet.count
            return packet
        }
    }

    func deliver(_ audio: [UInt8]) {
        let waiter = state.withLock { state -> CheckedContinuation<[UInt8]?, Never>? in
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.incoming.append(audio)
            state.incomingBytes += audio.count
            return nil
        }
        waiter?.resume(returning: audio)
    }

    func report(_ usage: RelayUsage) {
        state.withLock { $0.usage = usage }
    }

    func close(_ ending: RelayEnding) {
        let (waiter, enders, end) = state.withLock { state in
            guard state.ending == nil else {
                return (
                    CheckedContinuation<[UInt8]?, Never>?.none, [CheckedContinuation<RelayEnding, Never>](), ending
                )
            }
            state.ending = ending.after(state.usageBefore)
            state.waker = nil
            state.retry = nil
            defer {
                state.waiter = nil
                state.enders = []
            }
            return (state.waiter, state.enders, state.ending ?? ending)
        }
        waiter?.resume(returning: nil)
        for ender in enders { ender.resume(returning: end) }
        teller.finish()
    }
}

extension VoiceChannel.State {
    /// Whether a connection that comes about now is for nobody.
    var isUnwanted: Bool { isCancelled || (isAway && isInputFinished) }
}

extension RelayUsage {
    /// The sum with the bill of lost connections.
    func after(_ before: RelayUsage?) -> RelayUsage {
        guard let before else { return self }
        return RelayUsage(
            seconds: seconds + before.seconds, creditsUsed: creditsUsed.map { $0 + (before.creditsUsed ?? 0) },
            creditsLeft: creditsLeft)
    }
}

extension RelayEnding {
    /// The same end with the bill of lost connections in it.
    func after(_ before: RelayUsage?) -> RelayEnding {
        guard let before, case .finished(var done?) = self else { return self }
        done.seconds += before.seconds
        done.creditsUsed = done.creditsUsed.map { $0 + (before.creditsUsed ?? 0) }
        return .finished(done)
    }
}

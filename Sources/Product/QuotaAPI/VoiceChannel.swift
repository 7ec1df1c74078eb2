import Synchronization
import VoiceKit
import VoiceRelay
import VoiceWebSocketClient

/// The seam between the callers of a voice session and the thread of its connection: two bounded queues.
final class VoiceChannel: Sendable {
    private struct State {
        var outgoing: [ArraySlice<UInt8>] = []
        var outgoingBytes = 0
        var isInputFinished = false
        var isCancelled = false
        var incoming: [[UInt8]] = []
        var incomingBytes = 0
        var waiter: CheckedContinuation<[UInt8]?, Never>?
        var usage: RelayUsage?
        var ending: RelayEnding?
        var enders: [CheckedContinuation<RelayEnding, Never>] = []
        var waker: Waker?
    }

    /// Converted sound that may wait for the caller: half a minute.
    private static let incomingBytesMax = 1 << 20

    let endpoint: RelayEndpoint
    let voice: VoiceSessionOptions
    let externalUserID: String?
    private let state = Mutex(State())

    init(endpoint: RelayEndpoint, voice: VoiceSessionOptions, externalUserID: String?) {
        self.endpoint = endpoint
        self.voice = voice
        self.externalUserID = externalUserID
    }

    // MARK: - The callers' side

    func offer(_ pcm: [UInt8]) throws(VoiceSendError) {
        guard pcm.count % RelayProtocol.bytesPerSample == 0 else { throw .oddLength }
        let (error, waker) = state.withLock { state -> (VoiceSendError?, Waker?) in
            guard !state.isInputFinished, !state.isCancelled, state.ending == nil else { return (.ended, nil) }
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
        let waker = state.withLock { state in
            change(&state)
            return state.waker
        }
        waker?.signal()
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

    var usage: RelayUsage? { state.withLock { $0.usage } }

    // MARK: - The connection's side

    func attach(_ waker: Waker?) -> Bool {
        state.withLock { state in
            state.waker = waker
            return state.isCancelled
        }
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }
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
        let (waiter, enders) = state.withLock { state in
            guard state.ending == nil else {
                return (CheckedContinuation<[UInt8]?, Never>?.none, [CheckedContinuation<RelayEnding, Never>]())
            }
            state.ending = ending
            state.waker = nil
            defer {
                state.waiter = nil
                state.enders = []
            }
            return (state.waiter, state.enders)
        }
        waiter?.resume(returning: nil)
        for ender in enders { ender.resume(returning: ending) }
    }
}

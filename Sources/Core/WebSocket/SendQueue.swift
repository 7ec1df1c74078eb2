/// What waits to be sent: masked frames ready for the transport, control frames, and messages that are masked one
/// fragment at a time when their turn comes.
///
/// A large message never holds back a Pong: control frames leave between its fragments (RFC 6455 §5.4). Memory is the
/// staging area plus the messages that the application handed over, which `WebSocketLimits` bounds, plus 32 Pongs.
struct SendQueue: ~Copyable {
    private struct Piece {
        var opcode: Opcode
        var endsMessage: Bool
        var bytes: [UInt8]
        var sentBytes = 0
    }

    static let pongsMax = 32
    static let pingsMax = 8

    private let staging: UnsafeMutableRawBufferPointer
    private var stagedFrom = 0
    private var stagedTo = 0
    private var pongs: [[UInt8]] = []
    private var pings: [[UInt8]] = []
    private var pieces: [Piece] = []
    private var firstPiece = 0
    private var piecesBytes = 0
    private var closePayload: [UInt8]?
    private let fragmentBytes: Int
    private let nextMaskKey: () -> UInt32

    /// Frames staged so far.
    private(set) var framesCount: UInt64 = 0
    /// A Close was queued: nothing can be added any more.
    private(set) var isSealed = false

    init(fragmentBytes: Int, nextMaskKey: @escaping () -> UInt32) {
        self.fragmentBytes = min(max(fragmentBytes, 125), 65_536)
        self.nextMaskKey = nextMaskKey
        staging = .allocate(byteCount: 2 * (self.fragmentBytes + FrameWriter.headerBytesMax), alignment: 64)
    }

    deinit {
        staging.deallocate()
    }

    /// Payload and staged bytes that the transport has not taken; zero exactly when nothing waits.
    var pendingBytes: Int {
        var sum = stagedTo - stagedFrom + piecesBytes
        if let closePayload { sum += closePayload.count + 6 }
        for pong in pongs { sum += pong.count + 6 }
        for ping in pings { sum += ping.count + 6 }
        return sum + (pieces.count - firstPiece)
    }

    /// Adds (a part of) a message. A short one is masked at once when nothing stands before it.
    mutating func add(_ opcode: Opcode, endsMessage: Bool, _ payload: UnsafeRawBufferPointer) {
        precondition(!isSealed, "the machine refuses sends after a Close")
        if !stageAtOnce(opcode, endsMessage, payload) {
            enqueue(Piece(opcode: opcode, endsMessage: endsMessage, bytes: [UInt8](payload)))
        }
    }

    /// The same for an array, which is kept instead of copied.
    mutating func add(_ opcode: Opcode, endsMessage: Bool, _ payload: [UInt8]) {
        precondition(!isSealed, "the machine refuses sends after a Close")
        let staged = payload.withUnsafeBytes { bytes in stageAtOnce(opcode, endsMessage, bytes) }
        if !staged {
            enqueue(Piece(opcode: opcode, endsMessage: endsMessage, bytes: payload))
        }
    }

    /// Adds a Pong; beyond 32 waiting ones the oldest is dropped, as RFC 6455 §5.5.3 allows.
    mutating func addPong(_ payload: [UInt8]) {
        guard !isSealed else { return }
        if pongs.count == Self.pongsMax { pongs.removeFirst() }
        pongs.append(payload)
    }

    /// Adds a Ping; false when too many wait already.
    mutating func addPing(_ payload: [UInt8]) -> Bool {
        guard !isSealed && pings.count < Self.pingsMax else { return false }
        pings.append(payload)
        return true
    }

    /// Adds the Close, behind all that was accepted, and seals the queue.
    mutating func seal(closePayload: [UInt8]) {
        guard !isSealed else { return }
        isSealed = true
        self.closePayload = closePayload
    }

    /// Seals the queue and forgets what waits.
    mutating func discard() {
        isSealed = true
        closePayload = nil
        pongs = []
        pings = []
        pieces = []
        firstPiece = 0
        piecesBytes = 0
        stagedFrom = 0
        stagedTo = 0
    }

    /// Bytes for the transport now: at most one staging area. Empty when nothing waits. Valid until the next call.
    mutating func output() -> UnsafeRawBufferPointer {
        if stagedFrom == stagedTo { stage() }
        return UnsafeRawBufferPointer(rebasing: staging[stagedFrom..<stagedTo])
    }

    /// The transport took so many bytes of `output()`.
    mutating func didSend(_ count: Int) {
        stagedFrom += count
        if stagedFrom == stagedTo {
            stagedFrom = 0
            stagedTo = 0
        }
    }

    private mutating func stageAtOnce(
        _ opcode: Opcode, _ endsMessage: Bool, _ payload: UnsafeRawBufferPointer
    ) -> Bool {
        guard pieces.isEmpty && payload.count <= fragmentBytes else { return false }
        // A Pong that waits goes first, so that answers leave in the order of the questions.
        stageControls()
        guard hasRoom(forPayload: payload.count) else { return false }
        stageFrame(opcode, isFinal: endsMessage, payload)
        return true
    }

    private mutating func enqueue(_ piece: Piece) {
        piecesBytes += piece.bytes.count
        pieces.append(piece)
    }

    private func hasRoom(forPayload count: Int) -> Bool {
        staging.count - stagedTo >= count + FrameWriter.headerBytesMax
    }

    private mutating func stageFrame(_ opcode: Opcode, isFinal: Bool, _ payload: UnsafeRawBufferPointer) {
        guard let base = staging.baseAddress else { return }
        framesCount += 1
        stagedTo += FrameWriter.write(
            opcode, isFinal: isFinal, payload: payload, maskKey: nextMaskKey(), to: base + stagedTo)
    }

    /// Fills the empty staging area in the order of urgency: Pongs, Pings, the next fragments, the Close.
    private mutating func stage() {
        stageControls()
        while firstPiece < pieces.count, stageFragment() {}
        // The Close is last: what found no room before it has to go first.
        guard pongs.isEmpty, pings.isEmpty, pieces.isEmpty else { return }
        guard let close = closePayload, hasRoom(forPayload: close.count) else { return }
        close.withUnsafeBytes { bytes in stageFrame(.close, isFinal: true, bytes) }
        closePayload = nil
    }

    private mutating func stageControls() {
        if !pongs.isEmpty { pongs.removeFirst(stageControls(.pong, pongs)) }
        if !pings.isEmpty { pings.removeFirst(stageControls(.ping, pings)) }
    }

    /// Stages control frames while there is room, and tells how many.
    private mutating func stageControls(_ opcode: Opcode, _ payloads: [[UInt8]]) -> Int {
        var staged = 0
        while staged < payloads.count, hasRoom(forPayload: payloads[staged].count) {
            payloads[staged].withUnsafeBytes { bytes in stageFrame(opcode, isFinal: true, bytes) }
            staged += 1
        }
        return staged
    }

    /// Stages the next fragment of the first piece; false when the staging area is too full for it.
    private mutating func stageFragment() -> Bool {
        let piece = pieces[firstPiece]
        let count = min(piece.bytes.count - piece.sentBytes, fragmentBytes)
        guard hasRoom(forPayload: count) else { return false }
        let end = piece.sentBytes + count
        let isLast = end == piece.bytes.count
        piece.bytes.withUnsafeBytes { bytes in
            stageFrame(
                piece.sentBytes == 0 ? piece.opcode : .continuation, isFinal: piece.endsMessage && isLast,
                UnsafeRawBufferPointer(rebasing: bytes[piece.sentBytes..<end]))
        }
        piecesBytes -= count
        if isLast {
            removeFirstPiece()
        } else {
            pieces[firstPiece].sentBytes = end
        }
        return true
    }

    /// Forgets the first piece at once, and moves the others up only now and then: a long queue costs no squares.
    private mutating func removeFirstPiece() {
        pieces[firstPiece].bytes = []
        firstPiece += 1
        if firstPiece == pieces.count {
            pieces.removeAll(keepingCapacity: firstPiece < 64)
            firstPiece = 0
        } else if firstPiece >= 64 && firstPiece * 2 > pieces.count {
            pieces.removeFirst(firstPiece)
            firstPiece = 0
        }
    }
}

import VoiceRealtime
import VoiceWebSocket

/// A machine with a clock of its own, fed with bytes in pieces of any size, that keeps all it did.
final class MachineHarness {
    private var machine: WebSocketMachine
    private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
    private(set) var actions: [WebSocketMachine.Action] = []
    /// What the transport was given so far.
    private(set) var wire: [UInt8] = []

    init(_ limits: WebSocketLimits = WebSocketLimits()) {
        var random = SplitMix(seed: 1)
        machine = WebSocketMachine(limits: limits, nextMaskKey: { UInt32(truncatingIfNeeded: random.next()) })
    }

    var isOpen: Bool { machine.isOpen }
    var closure: WebSocketClosure? { machine.closure }
    var pendingSendBytes: Int { machine.pendingSendBytes }
    var nextDeadline: MonotonicTime? { machine.nextDeadline }

    var messages: [WebSocketMessage] {
        actions.compactMap { action in
            if case .message(let message) = action { message } else { nil }
        }
    }

    /// The frames sent so far, unmasked.
    func sentFrames() -> [ServerFrame] {
        flush()
        return ServerFrame.parse(clientBytes: wire)
    }

    func receive(_ bytes: [UInt8], pieceBytes: Int = .max) {
        var start = 0
        while start < bytes.count {
            let end = pieceBytes == .max ? bytes.count : min(bytes.count, start + pieceBytes)
            bytes[start..<end].withUnsafeBytes { piece in
                var used = 0
                while used < piece.count {
                    let step = machine.handle(
                        .received(UnsafeRawBufferPointer(rebasing: piece[used...])), now: now)
                    used += step.usedBytes
                    if step.action != .none { actions.append(step.action) }
                }
            }
            start = end
        }
    }

    func receive(_ frames: ServerFrame..., pieceBytes: Int = .max) {
        receive(frames.flatMap(\.bytes), pieceBytes: pieceBytes)
    }

    func handle(_ input: WebSocketMachine.Input) {
        let step = machine.handle(input, now: now)
        if step.action != .none { actions.append(step.action) }
    }

    func perform(_ command: WebSocketMachine.Command) throws(WebSocketMisuse) {
        try machine.perform(command, now: now)
    }

    /// Lets time pass and fires the machine's timer when it is due.
    func advance(seconds: Double) {
        now = now.advanced(byNanoseconds: Int64(seconds * 1e9))
        if let deadline = machine.nextDeadline, deadline <= now { handle(.timer) }
    }

    /// The transport takes everything, or so many bytes.
    func flush(_ limit: Int = .max) {
        var left = limit
        while left > 0 {
            let output = machine.output()
            if output.isEmpty { return }
            let count = min(left, output.count)
            wire += output[..<count]
            machine.didSend(count)
            left -= count
        }
    }
}

/// A frame as a server writes it, or as it reads a client's.
struct ServerFrame: Equatable, CustomStringConvertible {
    var opcode: UInt8
    var isFinal = true
    var payload: [UInt8] = []

    static func text(_ text: String, isFinal: Bool = true) -> ServerFrame {
        ServerFrame(opcode: 1, isFinal: isFinal, payload: Array(text.utf8))
    }
    static func binary(_ payload: [UInt8], isFinal: Bool = true) -> ServerFrame {
        ServerFrame(opcode: 2, isFinal: isFinal, payload: payload)
    }
    static func more(_ payload: [UInt8], isFinal: Bool = true) -> ServerFrame {
        ServerFrame(opcode: 0, isFinal: isFinal, payload: payload)
    }
    static func ping(_ text: String = "") -> ServerFrame { ServerFrame(opcode: 9, payload: Array(text.utf8)) }
    static func pong(_ text: String = "") -> ServerFrame { ServerFrame(opcode: 10, payload: Array(text.utf8)) }
    static func close(_ code: UInt16? = nil, _ reason: String = "") -> ServerFrame {
        let codeBytes = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []
        return ServerFrame(opcode: 8, payload: codeBytes + Array(reason.utf8))
    }

    /// Unmasked, as servers send.
    var bytes: [UInt8] {
        var header = [opcode | (isFinal ? 0x80 : 0)]
        switch payload.count {
        case ..<126: header.append(UInt8(payload.count))
        case ...0xFFFF: header += [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        case _: header += [127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return header + payload
    }

    var closeCode: UInt16? {
        opcode == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
    }

    var description: String { "(\(opcode)\(isFinal ? " fin" : "") \(payload.prefix(40)) #\(payload.count))" }

    /// Reads a client's frames with a parser that shares nothing with the one under test; traps on an unmasked one.
    static func parse(clientBytes bytes: [UInt8]) -> [ServerFrame] {
        var frames: [ServerFrame] = []
        var index = 0
        while index < bytes.count {
            var frame = ServerFrame(opcode: bytes[index] & 15, isFinal: bytes[index] >= 128)
            precondition(bytes[index] & 0x70 == 0 && bytes[index + 1] >= 128, "reserved bits or no mask")
            var length = Int(bytes[index + 1] & 127)
            index += 2
            let extra = length == 126 ? 2 : length == 127 ? 8 : 0
            if extra > 0 {
                length = bytes[index..<(index + extra)].reduce(0) { $0 << 8 | Int($1) }
                index += extra
            }
            let key = Array(bytes[index..<(index + 4)])
            index += 4
            frame.payload = (0..<length).map { bytes[index + $0] ^ key[$0 % 4] }
            index += length
            frames.append(frame)
        }
        return frames
    }
}

/// A small repeatable generator of test data (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

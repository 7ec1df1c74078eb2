import VoiceRealtime
import VoiceWebSocket

/// The input is a script: what the server sends, what the application does, how time goes by and what the transport takes.
/// Whatever happens, the client's bytes must be right frames with nothing behind a Close, and memory bounded.
@c(LLVMFuzzerTestOneInput)
public func fuzzMachine(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    var script = Script(bytes: UnsafeRawBufferPointer(start: data, count: size))
    var player = Player()
    while let step = script.next() { player.play(step, &script) }
    player.finish()
    return 0
}

private struct Script {
    let bytes: UnsafeRawBufferPointer
    var index = 0

    mutating func next() -> UInt8? {
        guard index < bytes.count else { return nil }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
        let end = min(bytes.count, index + count)
        defer { index = end }
        return UnsafeRawBufferPointer(rebasing: bytes[index..<end])
    }
}

private struct Player: ~Copyable {
    private static let sendQueueMax = 4096
    private var machine: WebSocketMachine
    private var now = MonotonicTime(nanoseconds: 1)
    private var wire: [UInt8] = []
    private var disconnects = 0
    private var wasClosed = false

    init() {
        var limits = WebSocketLimits()
        limits.frameBytesMax = 2000
        limits.messageBytesMax = 3000
        limits.sendQueueBytesMax = Self.sendQueueMax
        limits.sendFragmentBytes = 200
        var key: UInt32 = 1
        machine = WebSocketMachine(
            limits: limits,
            nextMaskKey: {
                key = key &* 1_664_525 &+ 1_013_904_223
                return key
            })
    }

    mutating func play(_ step: UInt8, _ script: inout Script) {
        let argument = Int(script.next() ?? 0)
        switch step & 15 {
        case 0...5: receive(script.take(argument + 1))
        case 6: receiveFrame(script.take(argument))
        case 7: perform(.send(.text(String(decoding: script.take(argument), as: UTF8.self))))
        case 8: perform(.send(.binary([UInt8](script.take(argument * 8)))))
        case 9: perform(.sendBytes(script.take(argument)))
        case 10:
            let bytes = [UInt8](script.take(argument >> 2))
            perform(.sendPart(argument & 1 == 0 ? .text : .binary, bytes, endsMessage: argument & 2 == 0))
        case 11: perform(.ping([UInt8](script.take(argument))))
        case 12: flush(argument * 4)
        case 13:
            now = now.advanced(byNanoseconds: .milliseconds(Int64(argument) * 20))
            handle(.timer)
        case 14:
            let code = UInt16(script.next() ?? 3) << 8 | UInt16(script.next() ?? 232)
            perform(.close(code: argument & 1 == 0 ? 1000 : code, reason: String(repeating: "r", count: argument / 2)))
        case _:
            switch argument & 15 {
            case 0: handle(.endOfStream)
            case 1: handle(.transportFailed("fuzz"))
            case 2: handle(.heartbeatLost)
            case 3: perform(.abort)
            case _: flush(1)
            }
        }
        check()
    }

    /// A frame whose length is right, so that more than headers is reached.
    private mutating func receiveFrame(_ payload: UnsafeRawBufferPointer) {
        var frame = [payload.first ?? 0x81, UInt8(min(payload.count, 125))]
        frame.append(contentsOf: payload.prefix(125))
        frame.withUnsafeBytes { receive($0) }
    }

    private mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        var used = 0
        while used < bytes.count {
            let step = machine.handle(.received(UnsafeRawBufferPointer(rebasing: bytes[used...])), now: now)
            precondition(step.usedBytes > 0 && step.usedBytes <= bytes.count - used, "no progress")
            used += step.usedBytes
            note(step.action)
        }
    }

    private mutating func handle(_ input: WebSocketMachine.Input) {
        note(machine.handle(input, now: now).action)
    }

    private mutating func note(_ action: WebSocketMachine.Action) {
        switch action {
        case .none:
            break
        case .message(let message):
            precondition(!wasClosed, "a message after our Close")
            if case .binary(let bytes) = message { precondition(bytes.count <= 3000) }
        case .pong(let payload):
            precondition(payload.count <= 125)
        case .disconnect(let closure):
            disconnects += 1
            precondition(disconnects == 1 && machine.closure == closure)
        }
    }

    private mutating func perform(_ command: WebSocketMachine.Command) {
        let wasOpen = machine.isOpen
        let pending = machine.pendingSendBytes
        do throws(WebSocketMisuse) {
            try machine.perform(command, now: now)
        } catch {
            precondition(machine.pendingSendBytes == pending, "misuse sent something")
            precondition(wasOpen || error == .notOpen)
        }
    }

    private mutating func flush(_ limit: Int) {
        let output = machine.output()
        let count = min(limit, output.count)
        wire.append(contentsOf: output[..<count])
        machine.didSend(count)
    }

    private mutating func check() {
        if !machine.isOpen { wasClosed = true }
        precondition(!(wasClosed && machine.isOpen), "open again")
        // The queue's limit, a Close, 32 Pongs, 8 Pings, and the headers of what is staged.
        precondition(machine.pendingSendBytes <= Self.sendQueueMax + 131 * 41 + 4096, "unbounded memory")
        if machine.closure != nil { precondition(machine.pendingSendBytes == 0 && machine.nextDeadline == nil) }
    }

    /// Reads all that was sent as a strict server would.
    mutating func finish() {
        while machine.pendingSendBytes > 0 { flush(.max) }
        var parser = FrameParser()
        var unmasked: [UInt8] = []
        var index = 0
        var isInMessage = false
        var isClosed = false
        while index + 6 <= wire.count {
            precondition(!isClosed, "something is behind the Close")
            precondition(wire[index + 1] >= 128, "a frame without mask")
            let short = Int(wire[index + 1] & 127)
            let extra = short == 126 ? 2 : short == 127 ? 8 : 0
            guard index + 2 + extra + 4 <= wire.count else { return }
            let length = extra == 0 ? short : wire[(index + 2)..<(index + 2 + extra)].reduce(0) { $0 << 8 | Int($1) }
            let end = index + 2 + extra + 4 + length
            // An end of the connection may have cut the last frame.
            guard end <= wire.count else { return }
            unmasked = [wire[index], wire[index + 1] & 127]
            unmasked += wire[(index + 2)..<(index + 2 + extra)]
            var offset = 0
            let header = unmasked.withUnsafeBytes { bytes in try? parser.next(in: bytes, at: &offset) }
            guard case .header(let frame) = header else { preconditionFailure("a bad header was sent") }
            parser = FrameParser()
            switch frame.opcode {
            case .text, .binary:
                precondition(!isInMessage)
                isInMessage = !frame.isFinal
            case .continuation:
                precondition(isInMessage)
                isInMessage = !frame.isFinal
            case .close: isClosed = true
            case .ping, .pong: break
            }
            index = end
        }
    }
}

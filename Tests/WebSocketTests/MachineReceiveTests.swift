import Testing
import VoiceWebSocket

@Suite("Machine: what the server sends")
struct MachineReceiveTests {
    @Test("messages arrive whole, in order, however frames and reads cut them")
    func fragmentation() {
        var random = SplitMix(seed: 11)
        for _ in 0..<200 {
            var sent: [WebSocketMessage] = []
            var stream: [UInt8] = []
            for _ in 0..<5 {
                let isText = Bool.random(using: &random)
                let payload =
                    isText
                    ? Array(String(repeating: "aé日\u{1F600}", count: Int.random(in: 0...40, using: &random)).utf8)
                    : random.bytes(Int.random(in: 0...400, using: &random))
                sent.append(isText ? .text(String(decoding: payload, as: UTF8.self)) : .binary(payload))
                var rest = payload[...]
                var opcode: UInt8 = isText ? 1 : 2
                repeat {
                    let piece = rest.prefix(Int.random(in: 0...200, using: &random))
                    rest = rest.dropFirst(piece.count)
                    let isFinal = rest.isEmpty && Bool.random(using: &random)
                    stream += ServerFrame(opcode: opcode, isFinal: isFinal, payload: Array(piece)).bytes
                    if Bool.random(using: &random) { stream += ServerFrame.ping("between").bytes }
                    opcode = 0
                    if isFinal { break }
                } while true
            }
            let harness = MachineHarness()
            harness.receive(stream, pieceBytes: [1, 2, 5, 64, 1000, .max].randomElement(using: &random) ?? 1)
            #expect(harness.messages == sent)
            #expect(harness.isOpen)
            let pongs = harness.sentFrames()
            #expect(pongs.allSatisfy { $0 == .pong("between") })
        }
    }

    @Test("a ping in the middle of a message is answered before the message is complete")
    func pingInside() {
        let harness = MachineHarness()
        harness.receive(.text("half ", isFinal: false), .ping("now"))
        #expect(harness.sentFrames() == [.pong("now")])
        harness.receive(.more(Array("done".utf8)))
        #expect(harness.messages == [.text("half done")])
    }

    @Test("pongs carry their pings' payloads in order", arguments: [0, 1, 125])
    func pongs(count: Int) {
        let harness = MachineHarness()
        let payload = String(repeating: "p", count: count)
        harness.receive(.ping(payload), .ping("2"), .ping("3"))
        #expect(harness.sentFrames() == [.pong(payload), .pong("2"), .pong("3")])
    }

    @Test("a flood of pings costs 32 pongs of memory, the newest survive")
    func pingFlood() {
        let harness = MachineHarness()
        for number in 0..<10_000 { harness.receive(.ping("\(number)")) }
        #expect(harness.pendingSendBytes <= 32 * 131)
        #expect(harness.sentFrames() == (9968..<10_000).map { .pong("\($0)") })
    }

    @Test("unasked pongs are reported and change nothing")
    func unsolicitedPong() {
        let harness = MachineHarness()
        harness.receive(.pong("x"))
        #expect(harness.actions == [.pong([0x78])])
        #expect(harness.isOpen)
        #expect(harness.sentFrames().isEmpty)
    }

    @Test(
        "each misuse by the server is told its code",
        arguments: [
            ([0xC1, 0x00], 1002), ([0x83, 0x00], 1002), ([0x81, 0x80], 1002), ([0x09, 0x00], 1002),
            ([0x80, 0x00], 1002), ([0x00, 0x00], 1002),
            ([0x01, 0x00, 0x81, 0x00], 1002), ([0x01, 0x00, 0x02, 0x00], 1002),
            ([0x88, 0x01, 0x03], 1002), ([0x88, 0x02, 0x03, 0xED], 1002), ([0x88, 0x02, 0x00, 0x00], 1002),
            ([0x88, 0x02, 0x03, 0xF7], 1002), ([0x88, 0x02, 0x0B, 0xB7], 1002), ([0x88, 0x02, 0xFF, 0xFF], 1002),
            ([0x81, 0x01, 0xFF], 1007), ([0x81, 0x02, 0xC3, 0x28], 1007), ([0x81, 0x01, 0xC3], 1007),
            ([0x88, 0x03, 0x03, 0xE8, 0xFF], 1007), ([0x88, 0x03, 0x03, 0xE8, 0xC3], 1007),
        ] as [([UInt8], UInt16)])
    func codes(bytes: [UInt8], code: UInt16) throws {
        let harness = MachineHarness()
        harness.receive(bytes)
        #expect(!harness.isOpen)
        #expect(harness.sentFrames().map(\.closeCode) == [code])
        harness.handle(.endOfStream)
        let closure = try #require(harness.closure)
        #expect(closure.code == code)
        #expect(!closure.wasClean)
        guard case .violation = closure.cause else {
            Issue.record("cause is \(closure.cause)")
            return
        }
    }

    @Test("bad UTF-8 is told before the frame is complete")
    func earlyUTF8() {
        let harness = MachineHarness()
        // A frame of 100 bytes of which only the first three come.
        harness.receive([0x81, 100, 0x41, 0xC0, 0x80])
        #expect(harness.sentFrames().map(\.closeCode) == [1007])
    }

    @Test("a character may be split between fragments, not left open at the end")
    func splitCharacter() {
        let harness = MachineHarness()
        harness.receive(ServerFrame(opcode: 1, isFinal: false, payload: [0xE2, 0x82]), .more([0xAC]))
        #expect(harness.messages == [.text("€")])
        harness.receive(ServerFrame(opcode: 1, isFinal: false, payload: [0xE2]), .more([0x82]))
        #expect(harness.sentFrames().map(\.closeCode) == [1007])
    }

    @Test("frames and messages over the limits are told 1009 before their payload comes")
    func limits() {
        var limits = WebSocketLimits()
        limits.frameBytesMax = 1000
        limits.messageBytesMax = 1500
        let exact = MachineHarness(limits)
        exact.receive(
            .binary([UInt8](repeating: 1, count: 1000), isFinal: false), .more([UInt8](repeating: 1, count: 500)))
        #expect(exact.messages.count == 1)

        let frame = MachineHarness(limits)
        frame.receive(Array(ServerFrame.binary([UInt8](repeating: 1, count: 1001)).bytes.prefix(4)))
        #expect(frame.sentFrames().map(\.closeCode) == [1009])

        let message = MachineHarness(limits)
        message.receive(.binary([UInt8](repeating: 1, count: 1000), isFinal: false))
        message.receive(Array(ServerFrame.more([UInt8](repeating: 1, count: 501)).bytes.prefix(4)))
        #expect(message.sentFrames().map(\.closeCode) == [1009])

        let huge = MachineHarness()
        huge.receive([0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(huge.sentFrames().map(\.closeCode) == [1009])
    }

    @Test("a kind of message that is not taken is told 1003")
    func kinds() {
        var limits = WebSocketLimits()
        limits.acceptsBinary = false
        let harness = MachineHarness(limits)
        harness.receive(.text("fine"), .binary([1]))
        #expect(harness.messages == [.text("fine")])
        #expect(harness.sentFrames().map(\.closeCode) == [1003])
    }

    @Test("what was asked before a violation is answered before the Close")
    func echoBeforeFailure() throws {
        let harness = MachineHarness()
        harness.receive(.text("one"), .ping("two"))
        try harness.perform(.send(.text("one")))
        harness.receive([0xFF, 0xFF])
        let frames = harness.sentFrames()
        #expect(frames.count == 3)
        #expect(frames[0] == .pong("two"))
        #expect(frames[1] == .text("one"))
        #expect(frames[2].closeCode == 1002)
    }

    @Test("nothing that follows a violation counts")
    func afterViolation() {
        let harness = MachineHarness()
        harness.receive([0x83, 0x00] + ServerFrame.text("late").bytes + ServerFrame.ping("late").bytes)
        harness.receive(.text("later"), .close(1000))
        #expect(harness.messages.isEmpty)
        #expect(harness.sentFrames().map(\.closeCode) == [1002])
    }
}

import Testing
import VoiceWebSocket

@Suite("Machine: what the application sends")
struct MachineSendTests {
    @Test("small messages leave as one masked frame each, in order")
    func order() throws {
        let harness = MachineHarness()
        try harness.perform(.send(.text("a")))
        try harness.perform(.send(.binary([1, 2, 3])))
        try [UInt8](repeating: 9, count: 640).withUnsafeBytes { bytes in try harness.perform(.sendBytes(bytes)) }
        #expect(
            harness.sentFrames() == [.text("a"), .binary([1, 2, 3]), .binary([UInt8](repeating: 9, count: 640))])
        #expect(harness.pendingSendBytes == 0)
    }

    @Test("every frame has a mask key of its own")
    func keys() throws {
        let harness = MachineHarness()
        for _ in 0..<100 { try harness.perform(.send(.binary([0, 0, 0, 0]))) }
        harness.flush()
        let keys = stride(from: 2, to: harness.wire.count, by: 10).map { Array(harness.wire[$0..<($0 + 4)]) }
        #expect(Set(keys).count == 100)
    }

    @Test("a long message leaves in fragments and a pong goes between them")
    func pongBetweenFragments() throws {
        var random = SplitMix(seed: 5)
        let payload = random.bytes(1_000_000)
        let harness = MachineHarness()
        try harness.perform(.send(.binary(payload)))
        harness.flush(10)
        harness.receive(.ping("quick"))
        let frames = harness.sentFrames()
        let place = try #require(frames.firstIndex(of: .pong("quick")))
        #expect(place <= 3, "behind what was staged, not behind the message")
        let parts = frames.filter { $0.opcode < 8 }
        #expect(parts.map(\.opcode) == [2] + [UInt8](repeating: 0, count: parts.count - 1))
        #expect(parts.map(\.isFinal) == [Bool](repeating: false, count: parts.count - 1) + [true])
        #expect(parts.flatMap(\.payload) == payload)
        #expect(parts.allSatisfy { $0.payload.count <= 65_536 })
    }

    @Test("the bytes are the same however little the transport takes at a time")
    func dribble() throws {
        var random = SplitMix(seed: 6)
        let payload = random.bytes(5000)
        var limits = WebSocketLimits()
        limits.sendFragmentBytes = 700
        let harness = MachineHarness(limits)
        try harness.perform(.send(.binary(payload)))
        try harness.perform(.send(.text("x")))
        while harness.pendingSendBytes > 0 { harness.flush(7) }
        let frames = harness.sentFrames()
        #expect(frames.dropLast().flatMap(\.payload) == payload)
        #expect(frames.last == .text("x"))
    }

    @Test("parts of a message become its fragments, and no other message fits between")
    func parts() throws {
        let harness = MachineHarness()
        try harness.perform(.sendPart(.text, [0xE2, 0x82], endsMessage: false))
        #expect(throws: WebSocketMisuse.messageUnfinished) { try harness.perform(.send(.text("no"))) }
        #expect(throws: WebSocketMisuse.messageUnfinished) {
            try harness.perform(.sendPart(.binary, [1], endsMessage: true))
        }
        #expect(throws: WebSocketMisuse.invalidUTF8) {
            try harness.perform(.sendPart(.text, [0x41], endsMessage: true))
        }
        try harness.perform(.ping([1]))
        try harness.perform(.sendPart(.text, [0xAC], endsMessage: true))
        try harness.perform(.send(.text("yes")))
        let frames = harness.sentFrames()
        #expect(
            frames.filter { $0.opcode < 8 } == [
                ServerFrame(opcode: 1, isFinal: false, payload: [0xE2, 0x82]), .more([0xAC]), .text("yes"),
            ])
    }

    @Test("the send queue is bounded, and one message always fits into an empty one")
    func queueLimit() throws {
        var limits = WebSocketLimits()
        limits.sendQueueBytesMax = 100_000
        let harness = MachineHarness(limits)
        let full = WebSocketMisuse.sendQueueFull(limitBytes: 100_000)
        #expect(throws: full) { try harness.perform(.send(.binary([UInt8](repeating: 0, count: 100_001)))) }
        try harness.perform(.send(.binary([UInt8](repeating: 0, count: 100_000))))
        #expect(throws: full) { try harness.perform(.send(.binary([1]))) }
        harness.flush()
        try harness.perform(.send(.binary([1])))
        #expect(harness.pendingSendBytes < 20)
    }

    @Test("many small messages that wait cost linear time and lose nothing")
    func manySmall() throws {
        let harness = MachineHarness()
        for number in 0..<50_000 {
            try harness.perform(.send(.binary([UInt8(number & 255), UInt8(number >> 8)])))
        }
        let frames = harness.sentFrames()
        #expect(frames.count == 50_000)
        #expect(
            frames.enumerated().allSatisfy { $0.element.payload == [UInt8($0.offset & 255), UInt8($0.offset >> 8)] })
    }

    @Test("misuse throws and sends nothing")
    func misuse() throws {
        let harness = MachineHarness()
        #expect(throws: WebSocketMisuse.controlPayloadTooLong) {
            try harness.perform(.ping([UInt8](repeating: 0, count: 126)))
        }
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            #expect(throws: WebSocketMisuse.invalidCloseCode(code)) {
                try harness.perform(.close(code: code, reason: ""))
            }
        }
        #expect(throws: WebSocketMisuse.closeReasonTooLong) {
            try harness.perform(.close(code: 1000, reason: String(repeating: "é", count: 62)))
        }
        #expect(throws: WebSocketMisuse.invalidCloseCode(1005)) { try harness.perform(.close(code: nil, reason: "x")) }
        #expect(harness.isOpen)
        #expect(harness.sentFrames().isEmpty)
        for _ in 0..<8 { try harness.perform(.ping([])) }
    }

    @Test("pings that can't leave are bounded")
    func pingLimit() throws {
        let harness = MachineHarness()
        for _ in 0..<8 { try harness.perform(.ping([])) }
        #expect(throws: WebSocketMisuse.tooManyPings) { try harness.perform(.ping([])) }
    }
}

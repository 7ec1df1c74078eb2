import Testing
import VoiceWebSocket

@Suite("Machine: the end")
struct MachineCloseTests {
    @Test("the server's Close is answered with its code, then the server ends the stream")
    func peerCloses() {
        let harness = MachineHarness()
        harness.receive(.close(1001, "moving"))
        #expect(harness.sentFrames() == [.close(1001)])
        #expect(harness.closure == nil, "the server ends its stream first")
        harness.handle(.endOfStream)
        let closure = WebSocketClosure(code: 1001, reason: "moving", wasClean: true, cause: .peer)
        #expect(harness.closure == closure)
        #expect(harness.actions == [.disconnect(closure)])
    }

    @Test("a Close without a code is answered without one")
    func noCode() {
        let harness = MachineHarness()
        harness.receive(.close())
        #expect(harness.sentFrames() == [.close()])
        harness.handle(.endOfStream)
        #expect(harness.closure == WebSocketClosure(code: 1005, reason: "", wasClean: true, cause: .peer))
    }

    @Test("a Close inside a fragmented message is a Close")
    func closeInsideMessage() {
        let harness = MachineHarness()
        harness.receive(.text("unfinished", isFinal: false), .close(1000))
        #expect(harness.sentFrames() == [.close(1000)])
        #expect(harness.messages.isEmpty)
    }

    @Test("our Close goes behind what was sent and waits for the server's")
    func localCloses() throws {
        let harness = MachineHarness()
        try harness.perform(.send(.text("last")))
        try harness.perform(.close(code: 4000, reason: "done"))
        #expect(harness.sentFrames() == [.text("last"), .close(4000, "done")])
        harness.receive(.text("ignored"), .close(4000))
        harness.handle(.endOfStream)
        #expect(harness.messages.isEmpty)
        #expect(harness.closure == WebSocketClosure(code: 4000, reason: "done", wasClean: true, cause: .local))
    }

    @Test("a server that never answers our Close is left after the close timeout")
    func closeTimeout() throws {
        let harness = MachineHarness()
        try harness.perform(.close(code: 1000, reason: ""))
        harness.advance(seconds: 4.9)
        harness.receive(.ping("still here"))
        #expect(harness.closure == nil)
        harness.advance(seconds: 0.2)
        #expect(harness.closure?.cause == .closeTimeout)
        #expect(harness.closure?.wasClean == false)
    }

    @Test("a server that keeps its stream open after the handshake is left after the linger time")
    func linger() {
        let harness = MachineHarness()
        harness.receive(.close(1000))
        harness.flush()
        harness.advance(seconds: 0.9)
        #expect(harness.closure == nil)
        harness.advance(seconds: 0.2)
        #expect(harness.closure == WebSocketClosure(code: 1000, reason: "", wasClean: true, cause: .peer))
    }

    @Test("a Close that never left is no handshake")
    func unflushedClose() {
        let harness = MachineHarness()
        harness.receive(.close(1000))
        harness.advance(seconds: 1.1)
        #expect(harness.closure?.wasClean == false)
    }

    @Test("nothing is sent after close", arguments: ["local", "peer", "violation", "end", "abort"])
    func nothingAfterClose(way: String) throws {
        let harness = MachineHarness()
        switch way {
        case "local": try harness.perform(.close(code: 1000, reason: ""))
        case "peer": harness.receive(.close(1000))
        case "violation": harness.receive([0x83, 0x00])
        case "end": harness.handle(.endOfStream)
        case _: try harness.perform(.abort)
        }
        let before = harness.sentFrames().count
        #expect(before <= 1)
        for _ in 0..<3 {
            #expect(throws: WebSocketMisuse.notOpen) { try harness.perform(.send(.text("x"))) }
            #expect(throws: WebSocketMisuse.notOpen) { try harness.perform(.send(.binary([1]))) }
            #expect(throws: WebSocketMisuse.notOpen) {
                try [1 as UInt8].withUnsafeBytes { bytes in try harness.perform(.sendBytes(bytes)) }
            }
            #expect(throws: WebSocketMisuse.notOpen) {
                try harness.perform(.sendPart(.text, [0x41], endsMessage: true))
            }
            #expect(throws: WebSocketMisuse.notOpen) { try harness.perform(.ping([])) }
            try harness.perform(.close(code: 1000, reason: "again"))
            harness.receive(.ping("?"), .text("?"), .close(1000))
            harness.advance(seconds: 0.3)
        }
        #expect(harness.sentFrames().count == before)
    }

    @Test("an end without Close is 1006 with its cause")
    func abnormal() {
        let ended = MachineHarness()
        ended.handle(.endOfStream)
        #expect(ended.closure == WebSocketClosure(code: 1006, reason: "", wasClean: false, cause: .endOfStream))
        let reset = MachineHarness()
        reset.handle(.transportFailed("reset"))
        #expect(reset.closure?.cause == .transportFailed("reset"))
        let silent = MachineHarness()
        silent.handle(.heartbeatLost)
        #expect(silent.closure?.cause == .heartbeatLost)
        #expect(silent.closure?.code == 1006)
    }

    @Test("disconnect is told once, whatever follows")
    func once() {
        let harness = MachineHarness()
        harness.handle(.endOfStream)
        harness.handle(.transportFailed("late"))
        harness.handle(.heartbeatLost)
        harness.handle(.endOfStream)
        harness.handle(.timer)
        harness.receive(.text("late"))
        #expect(harness.actions.count == 1)
        #expect(harness.closure?.cause == .endOfStream)
    }

    @Test("both sides closing at once is a clean end of our own")
    func crossing() throws {
        let harness = MachineHarness()
        try harness.perform(.close(code: 1000, reason: "bye"))
        harness.receive(.close(1001, "bye too"))
        harness.handle(.endOfStream)
        #expect(harness.sentFrames().count <= 1)
        #expect(harness.closure == WebSocketClosure(code: 1000, reason: "bye", wasClean: false, cause: .local))
    }

    @Test("the Close goes behind pongs and pings that found no room before it")
    func closeIsLast() throws {
        var limits = WebSocketLimits()
        limits.sendFragmentBytes = 125
        let harness = MachineHarness(limits)
        for number in 0..<9 { harness.receive(.ping(String(repeating: "\(number)", count: 125))) }
        try harness.perform(.ping([UInt8](repeating: 1, count: 125)))
        try harness.perform(.send(.binary([UInt8](repeating: 2, count: 1000))))
        try harness.perform(.close(code: 1000, reason: ""))
        let frames = harness.sentFrames()
        #expect(frames.last == .close(1000))
        #expect(frames.filter { $0.opcode == 8 }.count == 1)
        #expect(frames.filter { $0.opcode == 9 }.count == 1)
        #expect(frames.filter { $0.opcode == 10 }.count == 9)
        #expect(frames.filter { $0.opcode < 8 }.flatMap(\.payload) == [UInt8](repeating: 2, count: 1000))
    }

    @Test(
        "codes that may travel do",
        arguments: [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
        ] as [UInt16])
    func goodCodes(code: UInt16) {
        let harness = MachineHarness()
        harness.receive(.close(code, String(repeating: "r", count: 123)))
        #expect(harness.sentFrames() == [.close(code)])
    }
}

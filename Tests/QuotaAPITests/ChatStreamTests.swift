import QuotaAPI
import Testing

@Suite struct ChatStreamTests {
    private let request = ChatRequest(model: "m", messages: [ChatMessage(.user, "olleh")])

    private func stream(_ parts: [QuotaJSON], latin: Bool = false) async throws -> (World, ChatStream) {
        let world = try await Peer.shared.world([
            "POST /v1/chat/completions": [
                "headers": ["Content-Type": "text/event-stream; charset=utf-8"], "parts": .array(parts),
                "latin": .bool(latin),
            ]
        ])
        return (world, try await world.client().chatStream(request))
    }

    private func collect(_ stream: ChatStream) async throws -> (text: String, bill: QuotaBill?) {
        var text = ""
        var bill: QuotaBill?
        for try await chunk in stream {
            text += chunk.text
            bill = chunk.quota ?? bill
        }
        return (text, bill)
    }

    private static func data(_ text: String) -> String {
        "data: {\"choices\":[{\"delta\":{\"content\":\"\(text)\"}}]}\n\n"
    }

    @Test func aStreamBringsTextAndBill() async throws {
        let world = try await Peer.shared.world()
        let (text, bill) = try await collect(try await world.client().chatStream(request))
        #expect(text == "hello")
        #expect(bill?.balanceAfter == 5_000_000 - 1_200)
        #expect(try await world.log().first?.headers["accept"] == "text/event-stream")
    }

    /// The same stream with each kind of line end, cut at every byte.
    @Test(arguments: ["\n", "\r\n", "\r"])
    func piecesMayBeCutAnywhere(lineEnd: String) throws {
        let text = ": hello\nevent: x\ndata: {\"a\":\ndata:\"ü\"}\nid: 1\nretry: 5\n\ndata\n\n\n: c\ndata: [DONE]\n\n"
        let bytes = Array(("\u{FEFF}" + text.replacing("\n", with: lineEnd)).utf8)
        let expected = [
            EventStreamParser.Event(type: "x", data: "{\"a\":\n\"ü\"}"), EventStreamParser.Event(type: "", data: ""),
            EventStreamParser.Event(type: "", data: "[DONE]"),
        ]
        for cut in 0...bytes.count {
            var parser = EventStreamParser()
            let events = try parser.push(bytes[..<cut]) + parser.push(bytes[cut...])
            #expect(events == expected, "cut at \(cut)")
        }
        var parser = EventStreamParser()
        #expect(try bytes.flatMap { try parser.push([$0]) } == expected)
    }

    @Test func anEventIsBounded() throws {
        var parser = EventStreamParser()
        let line = [UInt8](repeating: 0x61, count: 1 << 20)
        #expect(throws: EventStreamParser.Failure.tooLarge) { try parser.push(line + line) }
        var lines = EventStreamParser()
        let data = Array("data: ".utf8) + [UInt8](repeating: 0x61, count: 600_000) + [0x0A]
        _ = try lines.push(data)
        #expect(throws: EventStreamParser.Failure.tooLarge) { try lines.push(data) }
    }

    @Test func slowPiecesAndCommentsAreOneStream() async throws {
        let all = ": keep-alive\n\n" + Self.data("a") + Self.data("b") + "data: [DONE]\n\n"
        let pieces = all.map { QuotaJSON.array([.string(String($0)), 0.0005]) }
        let (_, stream) = try await stream(pieces)
        #expect(try await collect(stream).text == "ab")
    }

    @Test func anErrorInMidStreamIsTyped() async throws {
        let (_, stream) = try await stream([
            [.string(Self.data("a")), 0],
            [
                "data: {\"error\":{\"code\":\"insufficient_credits\",\"message\":\"m\",\"balance\":3,\"required\":9}}\n\n",
                0,
            ],
        ])
        var text = ""
        let error = await quotaError {
            for try await chunk in stream { text += chunk.text }
        }
        #expect(text == "a")
        guard case .insufficientCredits(3?, 9?, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aStreamThatEndsEarlyIsBroken() async throws {
        for last in ["", "data: [DO", Self.data("b")] {
            let (_, stream) = try await stream([[.string(Self.data("a") + last), 0]])
            let error = await quotaError { _ = try await collect(stream) }
            guard case .transport(let failure)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(failure.kind == .connectionLost)
        }
    }

    @Test func nonsenseInAStreamIsNamed() async throws {
        for (data, detail) in [("{", "it is not JSON"), ("{\"choices\":7}", "choices has another type")] {
            let (_, stream) = try await stream([[.string("data: \(data)\n\n"), 0]])
            let error = await quotaError { _ = try await collect(stream) }
            guard case .unreadable(let answer)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(answer.detail == detail)
        }
    }

    @Test func silenceEndsAStream() async throws {
        let world = try await Peer.shared.world([
            "POST /v1/chat/completions": [
                "headers": ["Content-Type": "text/event-stream"], "parts": [[.string(Self.data("a")), 0], ["", 120]],
            ]
        ])
        var options = world.options
        options.streamSilenceMax = .milliseconds(300)
        let stream = try await QuotaClient(.apiKey("sk-quota-good"), options: options).chatStream(request)
        let error = await quotaError { _ = try await collect(stream) }
        guard case .transport(let failure)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(failure.kind == .timedOut)
    }

    /// Drips for minutes: only a client that closes ends them.
    @Test(arguments: [true, false]) func leavingClosesTheConnection(byCancelling: Bool) async throws {
        let drips = (0..<2_000).map { _ in QuotaJSON.array([.string(Self.data("a")), 0.1]) }
        let (world, stream) = try await stream(drips)
        let task = Task {
            for try await _ in stream where !byCancelling { break }
            try Task.checkCancellation()
        }
        if byCancelling {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        } else {
            try await task.value
        }
        var ended = ""
        while ended.isEmpty {
            try await Task.sleep(for: .milliseconds(10))
            ended = try await world.log().first?.ended ?? ""
        }
        #expect(ended == "by the client")
    }

    @Test func aRefusedStreamIsAnError() async throws {
        let world = try await Peer.shared.world([
            "POST /v1/chat/completions": [
                "status": 402, "json": ["error": ["code": "insufficient_credits", "message": "m"]],
            ]
        ])
        let client = try world.client()
        guard case .insufficientCredits? = await quotaError({ _ = try await client.chatStream(request) }) else {
            Issue.record("not refused")
            return
        }
        let page = try await Peer.shared.world(["POST /v1/chat/completions": ["body": "<html>"]])
        let other = try page.client()
        guard case .unreadable? = await quotaError({ _ = try await other.chatStream(request) }) else {
            Issue.record("a page was taken for a stream")
            return
        }
    }
}

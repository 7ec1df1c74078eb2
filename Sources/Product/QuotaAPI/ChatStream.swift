import AsyncHTTPClient
import Foundation
import NIOCore

/// The pieces of a model's answer as they come. For one loop.
///
/// Ends after `[DONE]`. Throws ``QuotaError`` for an error inside the stream, for one that ends early, and for one that
/// stays silent too long. Leaving the loop, or cancelling its task, closes the connection.
public struct ChatStream: AsyncSequence, Sendable {
    public typealias Element = ChatChunk

    let response: HTTPClientResponse
    let endpoint: String
    let silenceMax: Duration
    let credential: Secret?

    public func makeAsyncIterator() -> Iterator {
        Iterator(
            source: BodySource(response.body.makeAsyncIterator()), endpoint: endpoint, silenceMax: silenceMax,
            credential: credential)
    }

    /// The body's iterator. Unchecked: one child task at a time uses it, and its parent waits for it (`withDeadline`).
    fileprivate final class BodySource: @unchecked Sendable {
        private var iterator: HTTPClientResponse.Body.AsyncIterator

        init(_ iterator: HTTPClientResponse.Body.AsyncIterator) {
            self.iterator = iterator
        }

        func next() async throws -> ByteBuffer? {
            try await iterator.next()
        }
    }

    /// What came, or the end: an optional of its own, since a deadline's `nil` would mean both.
    private enum Part: Sendable {
        case bytes(ByteBuffer)
        case end
    }

    public struct Iterator: AsyncIteratorProtocol {
        private var source: BodySource?
        private var parser = EventStreamParser()
        private var waiting: ArraySlice<EventStreamParser.Event> = []
        private let endpoint: String
        private let silenceMax: Duration
        private let credential: Secret?

        fileprivate init(source: BodySource, endpoint: String, silenceMax: Duration, credential: Secret?) {
            self.source = source
            self.endpoint = endpoint
            self.silenceMax = silenceMax
            self.credential = credential
        }

        public mutating func next() async throws -> ChatChunk? {
            do {
                while let source {
                    if let event = waiting.popFirst() {
                        if let chunk = try chunk(event) { return chunk }
                        continue
                    }
                    try await read(source)
                }
                return nil
            } catch {
                source = nil
                throw error
            }
        }

        private mutating func read(_ source: BodySource) async throws {
            let part: Part
            do {
                part = try await withDeadline(silenceMax, elapsed: failure(.timedOut)) {
                    try await source.next().map(Part.bytes) ?? .end
                }
            } catch {
                throw Exchange.meaning(of: error, endpoint: endpoint, sent: true)
            }
            switch part {
            case .end: throw failure(.connectionLost)
            case .bytes(let bytes):
                do throws(EventStreamParser.Failure) {
                    waiting = try parser.push(bytes.readableBytesView)[...]
                } catch {
                    throw failure(.tooLarge)
                }
            }
        }

        private func failure(_ kind: QuotaTransportError.Kind) -> QuotaError {
            .transport(QuotaTransportError(kind: kind, endpoint: endpoint, mayHaveExecuted: true))
        }

        /// `nil` for what is no chunk. Ends the stream at `[DONE]`.
        private mutating func chunk(_ event: EventStreamParser.Event) throws -> ChatChunk? {
            if event.data == "[DONE]" {
                source = nil
                return nil
            }
            let answer = APIAnswer(status: 200, headers: [:], body: Data(event.data.utf8), endpoint: endpoint)
            let json = try answer.decode(QuotaJSON.self)
            if event.type == "error" || json["error"].map({ $0 != .null }) ?? false {
                let refusal = APIAnswer(
                    status: Self.status(of: json["error"]), headers: [:], body: answer.body, endpoint: endpoint)
                throw refusal.refusal(hiding: [credential].compactMap(\.self))
            }
            return try answer.decode(ChatChunk.self)
        }

        /// The status that the error would have had as an answer of its own.
        private static func status(of error: QuotaJSON?) -> Int {
            if let status = error?["status"]?.integer ?? error?["status_code"]?.integer, (400..<600).contains(status) {
                return status
            }
            return switch error?["code"]?.string {
            case "insufficient_credits": 402
            case "rate_limit", "rate_limit_exceeded": 429
            case "insufficient_scope": 403
            case "provider_unavailable": 503
            case "gateway_timeout": 504
            default: 502
            }
        }
    }
}

extension QuotaClient {
    /// A model's whole answer.
    ///
    /// Never repeated by itself: it may have been executed, and paid for.
    public func chat(_ request: ChatRequest) async throws -> ChatCompletion {
        try await perform(.post("/v1/chat/completions", json: request.json(streams: false))).decode(
            ChatCompletion.self)
    }

    /// A model's answer, piece by piece. Returns when the server begins to answer.
    public func chatStream(_ request: ChatRequest) async throws -> ChatStream {
        var message = try APIRequest.post("/v1/chat/completions", json: request.json(streams: true))
        message.headers.append(("Accept", "text/event-stream"))
        let plain = message
        return try await refreshing { credential in
            try await openStream(authorized(plain, credential), credential)
        }
    }

    private func openStream(_ request: APIRequest, _ credential: Secret?) async throws -> ChatStream {
        let endpoint = "\(exchange.base.name) \(request.endpoint)"
        let late = QuotaError.transport(
            QuotaTransportError(kind: .timedOut, endpoint: endpoint, mayHaveExecuted: true))
        let response = try await withDeadline(exchange.timeout, elapsed: late) { try await exchange.open(request) }
        guard response.status.code == 200 else {
            let body = try? await withDeadline(exchange.timeout, elapsed: late) {
                try await response.body.collect(upTo: Exchange.errorBytesMax)
            }
            let answer = APIAnswer(
                status: Int(response.status.code), headers: response.headers,
                body: body.map { Data($0.readableBytesView) } ?? Data(), endpoint: endpoint)
            throw answer.refusal(hiding: [credential].compactMap(\.self))
        }
        let type = response.headers.first(name: "Content-Type") ?? ""
        guard type.lowercased().hasPrefix("text/event-stream") else {
            throw QuotaError.unreadable(
                QuotaError.UnreadableAnswer(endpoint: endpoint, status: 200, detail: "it is not an event stream"))
        }
        return ChatStream(
            response: response, endpoint: endpoint, silenceMax: options.streamSilenceMax, credential: credential)
    }

    /// The models that can be called, with their prices.
    public func models() async throws -> [QuotaModel] {
        try await perform(.get("/v1/models")).decode(AnswerList<QuotaModel>.self).elements
    }
}

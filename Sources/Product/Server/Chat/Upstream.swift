import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Another OpenAI-compatible server, which does the work.
package struct Upstream: Sendable {
    /// Such as `https://api.example.com/v1`.
    let baseURL: String
    let key: String?
    static let answerBytesMax = 16 << 20
    static let secondsMax: Int64 = 300

    /// For the life of the process. A connection that is refused is an answer, not something to wait out; and a redirect
    /// would take the key along.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    package init(baseURL: String, key: String?) {
        var base = baseURL
        while base.hasSuffix("/") { base.removeLast() }
        self.baseURL = base
        self.key = key
    }

    /// - Throws: ``APIError`` for what the upstream refuses; no byte of its answer is in it.
    func send(_ order: ChatOrder) async throws -> HTTPClientResponse {
        var body = order.body
        if order.streams { body["stream_options"] = ["include_usage": true] }
        var request = HTTPClientRequest(url: baseURL + "/chat/completions")
        request.method = .POST
        request.headers = ["Content-Type": "application/json"]
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        request.body = .bytes(ByteBuffer(string: JSONTree.object(body).text))
        let response: HTTPClientResponse
        do {
            response = try await Self.client.execute(request, timeout: .seconds(Self.secondsMax))
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw APIError(.gatewayTimeout, "gateway_timeout", "the model did not answer in time")
        } catch {
            throw APIError(.serviceUnavailable, "provider_unavailable", "the model can't be reached")
        }
        switch response.status.code {
        case 200..<300: return response
        case 429:
            let wait = response.headers.first(name: "Retry-After").flatMap { Int($0) }
            throw APIError.rateLimited(retryAfterSeconds: min(max(wait ?? 60, 1), 3_600))
        case 400, 404, 422:
            throw APIError(
                .badRequest, "bad_request", "the model's provider refused the request (\(response.status.code))")
        default:
            throw APIError(
                .badGateway, "upstream_error", "the model's provider failed (\(response.status.code))")
        }
    }

    static func tokens(_ usage: JSONTree?) -> Reservation.Tokens? {
        guard let prompt = usage?["prompt_tokens"]?.integer, let completion = usage?["completion_tokens"]?.integer,
            (0...1_000_000_000).contains(prompt), (0...1_000_000_000).contains(completion)
        else { return nil }
        return .init(prompt: prompt, completion: completion)
    }

    static let broken = APIError(.badGateway, "upstream_error", "the model's provider sent something unreadable")
}

/// Cuts an event stream into its data lines, with a bound on a line.
struct DataLines {
    private var rest: [UInt8] = []
    private static let lineBytesMax = 4 << 20

    /// The data of the events that are complete now.
    mutating func push(_ bytes: ByteBufferView) throws(APIError) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
                let line = String(decoding: rest, as: UTF8.self)
                if line.hasPrefix("data:") {
                    lines.append(String(line.dropFirst(5)).trimmingCharacters(in: .whitespaces))
                }
                rest.removeAll(keepingCapacity: true)
            } else {
                guard rest.count < Self.lineBytesMax else { throw Upstream.broken }
                rest.append(byte)
            }
        }
        return lines
    }
}

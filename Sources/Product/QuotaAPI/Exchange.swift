import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A request of the API, before it is authorized.
struct APIRequest: Sendable {
    var method: HTTPMethod
    /// Begins with a slash; may carry a query.
    var path: String
    /// The path with its variable parts named, for messages: ids of users stay out of them.
    var template: String
    var headers: [(String, String)] = []
    var body: Data?
    /// Whether repeating it can change nothing more.
    var isIdempotent: Bool

    static func get(_ path: String, template: String? = nil) -> APIRequest {
        APIRequest(method: .GET, path: path, template: template ?? path, isIdempotent: true)
    }

    static func post(_ path: String, json: some Encodable) throws -> APIRequest {
        APIRequest(
            method: .POST, path: path, template: path, headers: [("Content-Type", "application/json")],
            body: try JSONEncoder().encode(json), isIdempotent: false)
    }

    var endpoint: String { "\(method.rawValue) \(template)" }
}

/// A complete answer.
struct APIAnswer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: Data
    var endpoint: String
    /// Tries it took.
    var attempts = 1

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// Sends requests to one server and brings back what it answered; what an answer means is decided elsewhere.
struct Exchange: Sendable {
    static let answerBytesMax = 8 << 20
    static let errorBytesMax = 64 << 10

    let http: HTTPClient
    let base: BaseURL
    let timeout: Duration
    let userAgent: String

    /// One try, from the connection to the last byte of the body, within `timeout`.
    func send(_ request: APIRequest, bytesMax: Int = Self.answerBytesMax) async throws -> APIAnswer {
        let endpoint = "\(base.name) \(request.endpoint)"
        let late = QuotaError.transport(
            QuotaTransportError(kind: .timedOut, endpoint: endpoint, mayHaveExecuted: true))
        return try await withDeadline(timeout, elapsed: late) {
            let response = try await open(request)
            let limit = (200..<300).contains(Int(response.status.code)) ? bytesMax : Self.errorBytesMax
            var body = Data()
            do {
                for try await part in response.body {
                    body.append(contentsOf: part.readableBytesView)
                    if body.count > limit { break }
                }
            } catch {
                throw Self.meaning(of: error, endpoint: endpoint, sent: true)
            }
            guard body.count <= limit else {
                guard response.status.code >= 400 else {
                    throw QuotaError.transport(
                        QuotaTransportError(kind: .tooLarge, endpoint: endpoint, mayHaveExecuted: true))
                }
                // The status says enough; a body of that size is no error object.
                return APIAnswer(
                    status: Int(response.status.code), headers: response.headers, body: Data(), endpoint: endpoint)
            }
            return APIAnswer(
                status: Int(response.status.code), headers: response.headers, body: body, endpoint: endpoint)
        }
    }

    /// Sends a request and returns with the head of the answer. The caller bounds the time.
    func open(_ request: APIRequest) async throws -> HTTPClientResponse {
        let endpoint = "\(base.name) \(request.endpoint)"
        var message = HTTPClientRequest(url: base.text + request.path)
        message.method = request.method
        for (name, value) in request.headers { message.headers.add(name: name, value: value) }
        message.headers.replaceOrAdd(name: "User-Agent", value: userAgent)
        if !message.headers.contains(name: "Accept") { message.headers.add(name: "Accept", value: "application/json") }
        if let body = request.body { message.body = .bytes(ByteBuffer(bytes: body)) }
        let response: HTTPClientResponse
        do {
            response = try await http.execute(message, deadline: .distantFuture)
        } catch {
            throw Self.meaning(of: error, endpoint: endpoint, sent: false)
        }
        guard !(300..<400).contains(response.status.code), response.history.count <= 1 else {
            throw QuotaError.transport(
                QuotaTransportError(kind: .redirectRefused, endpoint: endpoint, mayHaveExecuted: false))
        }
        return response
    }

    /// Errors of the HTTP client, in our terms. Their own text is left out: it can quote headers.
    static func meaning(of error: any Error, endpoint: String, sent: Bool) -> any Error {
        if error is CancellationError { return error }
        if let error = error as? QuotaError { return error }
        func transport(_ kind: QuotaTransportError.Kind, executed: Bool = true) -> QuotaError {
            .transport(QuotaTransportError(kind: kind, endpoint: endpoint, mayHaveExecuted: executed))
        }
        if let error = error as? HTTPClientError {
            switch error {
            case .cancelled: return CancellationError()
            case .deadlineExceeded, .readTimeout, .writeTimeout: return transport(.timedOut)
            case .connectTimeout, .getConnectionFromPoolTimeout, .socksHandshakeTimeout, .httpProxyHandshakeTimeout,
                .invalidProxyResponse, .proxyAuthenticationRequired:
                return transport(.cannotConnect, executed: false)
            case .tlsHandshakeTimeout: return transport(.tls, executed: false)
            case .alreadyShutdown: return transport(.clientClosed, executed: false)
            case .redirectLimitReached, .redirectCycleDetected: return transport(.redirectRefused)
            default: return transport(.connectionLost)
            }
        }
        if error is NIOConnectionError { return transport(.cannotConnect, executed: false) }
        if let error = error as? HTTPParserError {
            // The end came before what Content-Length had announced.
            return transport(error == .invalidEOFState ? .connectionLost : .malformed)
        }
        if let error = error as? IOError {
            return error.errnoCode == ECONNREFUSED
                ? transport(.cannotConnect, executed: false) : transport(.connectionLost)
        }
        if error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError {
            return transport(.tls, executed: sent)
        }
        return transport(sent ? .connectionLost : .cannotConnect, executed: sent)
    }
}

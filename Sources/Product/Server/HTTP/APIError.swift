import Foundation
import HTTPTypes
import Hummingbird

/// A refusal as every endpoint says it: `{"error":{"code","message","hint"?,"docs_url"?}}`.
package struct APIError: Error, HTTPResponseError, Sendable, CustomStringConvertible {
    package var status: HTTPResponse.Status
    package var code: String
    package var message: String
    package var hint: String?
    package var docsURL: String?
    package var headers: HTTPFields = [:]
    /// Of 402, in credits.
    package var balance: Int?
    package var required: Int?

    package init(_ status: HTTPResponse.Status, _ code: String, _ message: String, hint: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
    }

    package var description: String { "\(status.code) \(code): \(message)" }

    private struct Body: Encodable {
        struct Detail: Encodable {
            let code: String
            let message: String
            let hint: String?
            let docsURL: String?
            let balance: Int?
            let required: Int?
        }
        let error: Detail
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        response()
    }

    package func response() -> Response {
        let body = Body(
            error: .init(
                code: code, message: message, hint: hint, docsURL: docsURL, balance: balance, required: required))
        var response = JSONAnswer.response(body, status: status)
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension APIError {
    package static func badRequest(_ message: String, hint: String? = nil) -> APIError {
        APIError(.badRequest, "bad_request", message, hint: hint)
    }

    package static func notFound(_ message: String) -> APIError {
        APIError(.notFound, "not_found", message)
    }

    package static let noCredential = unauthorized(
        "invalid_api_key", "no credential", hint: "send Authorization: Bearer with an API key or an access token")
    package static let invalidKey = unauthorized("invalid_api_key", "no such key", hint: nil)
    package static let invalidToken = unauthorized(
        "invalid_token", "the token is unknown, has ended or was revoked", hint: nil)

    package static func unauthorized(_ code: String, _ message: String, hint: String?) -> APIError {
        var error = APIError(.unauthorized, code, message, hint: hint)
        // RFC 6750 §3
        error.headers[.wwwAuthenticate] = code == "invalid_token" ? "Bearer error=\"invalid_token\"" : "Bearer"
        return error
    }

    package static func insufficientScope(_ scope: Scope) -> APIError {
        var error = APIError(
            .forbidden, "insufficient_scope", "the token was not granted \(scope.rawValue)",
            hint: "ask for the scope \(scope.rawValue) at authorize")
        error.headers[.wwwAuthenticate] = "Bearer error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
        return error
    }

    package static func insufficientCredits(balance: Int, required: Int) -> APIError {
        var error = APIError(
            .init(code: 402, reasonPhrase: "Payment Required"), "insufficient_credits",
            "the wallet has \(balance) credits, \(required) are needed", hint: "top up by a checkout")
        error.balance = balance
        error.required = required
        return error
    }

    package static func rateLimited(retryAfterSeconds: Int) -> APIError {
        var error = APIError(
            .tooManyRequests, "rate_limit_exceeded", "too many requests", hint: "try again in \(retryAfterSeconds) s")
        error.headers[.retryAfter] = "\(retryAfterSeconds)"
        return error
    }
}

/// Answers in JSON: snake_case, stable order.
package enum JSONAnswer {
    package static func data(_ value: some Encodable) -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Answers are plain structs of numbers and strings: encoding them has no way to fail.
        guard let data = try? encoder.encode(value) else { preconditionFailure("an answer that can't be encoded") }
        return data
    }

    package static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        response(bytes: ByteBuffer(bytes: data(value)), status: status)
    }

    /// Names stay as they are: they may be a user's, or another server's.
    package static func response(_ tree: JSONTree, status: HTTPResponse.Status = .ok) -> Response {
        response(bytes: ByteBuffer(bytes: JSONText(tree).bytes), status: status)
    }

    private static func response(bytes: ByteBuffer, status: HTTPResponse.Status) -> Response {
        Response(
            status: status,
            headers: [
                .contentType: "application/json", .contentLength: "\(bytes.readableBytes)",
                .cacheControl: "no-store",
            ],
            body: .init(byteBuffer: bytes))
    }
}

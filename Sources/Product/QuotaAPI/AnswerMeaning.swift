import Foundation
import NIOHTTP1

extension APIAnswer {
    /// The answer's body as the type the call promises.
    ///
    /// - Throws: ``QuotaError/unreadable(_:)`` that names the place and quotes nothing.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: body)
        } catch {
            throw QuotaError.unreadable(
                QuotaError.UnreadableAnswer(endpoint: endpoint, status: status, detail: Self.place(of: error)))
        }
    }

    static func place(of error: any Error) -> String {
        func path(_ context: DecodingError.Context, _ more: (any CodingKey)? = nil) -> String {
            let keys = (context.codingPath + (more.map { [$0] } ?? [])).map { key in
                key.intValue.map { "[\($0)]" } ?? Redaction.clean(key.stringValue)
            }
            return keys.isEmpty ? "its top level" : keys.joined(separator: ".")
        }
        return switch error {
        case DecodingError.typeMismatch(_, let context): "\(path(context)) has another type"
        case DecodingError.valueNotFound(_, let context): "\(path(context)) is null"
        case DecodingError.keyNotFound(let key, let context): "\(path(context, key)) is missing"
        case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(path(context)) can't be read"
        default: "it is not JSON"
        }
    }

    /// The error that a refusal stands for.
    ///
    /// - Parameter secrets: what was sent, so that a server that echoes it doesn't bring it into a log.
    func refusal(hiding secrets: [Secret], now: Date = Date()) -> QuotaError {
        let json = try? JSONDecoder().decode(QuotaJSON.self, from: body)
        let answer = serverError(json, hiding: secrets)
        switch status {
        case 402:
            func amount(_ name: String) -> Int? { json?["error"]?[name]?.integer ?? json?[name]?.integer }
            return .insufficientCredits(balance: amount("balance"), required: amount("required"), answer)
        case 429:
            let wait = parseRetryAfter(headers.first(name: "Retry-After"), now: now)
            return .rateLimited(retryAfterSeconds: wait.map { Int($0.components.seconds) } ?? 60, answer)
        case 403 where answer.code == "insufficient_scope": return .insufficientScope(answer)
        case 401 where Self.notConnectedCodes.contains(answer.code): return .notConnected(answer)
        default: return .server(answer)
        }
    }

    private static let notConnectedCodes: Set<String> = [
        "not_connected", "wallet_not_connected", "wallet_not_linked", "no_wallet",
    ]

    private func serverError(_ json: QuotaJSON?, hiding secrets: [Secret]) -> QuotaServerError {
        func text(_ value: QuotaJSON?) -> String? {
            value?.string.flatMap { $0.isEmpty ? nil : Redaction.clean($0, hiding: secrets) }
        }
        let plain = HTTPResponseStatus(statusCode: status).reasonPhrase
        let error = json?["error"]
        // OAuth's form (RFC 6749 §5.2): {"error": "code", "error_description": "…"}.
        if let code = text(error) {
            return QuotaServerError(status: status, code: code, message: text(json?["error_description"]) ?? plain)
        }
        return QuotaServerError(
            status: status, code: text(error?["code"]) ?? "http_\(status)",
            message: text(error?["message"]) ?? text(json?["message"]) ?? plain, hint: text(error?["hint"]),
            docsURL: text(error?["docs_url"]))
    }
}

import Foundation
import HTTPTypes
import Hummingbird
import NIOHTTP1

/// Gives every refusal the API's body, whoever made it; what nobody foresaw is logged and answered by a plain 500.
struct ErrorAnswers: RouterMiddleware {
    typealias Context = QuotaContext
    let methods: MethodTable

    func handle(
        _ request: Request, context: QuotaContext,
        next: (Request, QuotaContext) async throws -> Response
    ) async throws -> Response {
        // RFC 9112 §3.2: whoever sends none may mean any of the sites that a proxy in front of us serves.
        guard request.head.authority?.isEmpty == false else {
            return APIError.badRequest("the request has no Host").response()
        }
        do {
            return try await next(request, context)
        } catch let error as APIError {
            return error.response()
        } catch let error as HTTPError {
            if error.status == .notFound, let refusal = wrongMethod(request) { return refusal.response() }
            return Self.named(error).response()
        } catch let error as DecodingError {
            return APIError.badRequest("the body \(Self.place(of: error))").response()
        } catch let error as any HTTPResponseError {
            return Self.named(HTTPError(error.status)).response()
        } catch is HTTPParserError {
            return APIError.badRequest("the request is not HTTP").response()
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            context.logger.error("a request failed", metadata: ["error": "\(type(of: error))"])
            return APIError(.internalServerError, "internal_error", "the server failed; see its log").response()
        }
    }

    /// A path that is there, for others.
    private func wrongMethod(_ request: Request) -> APIError? {
        let allowed = methods.methods(of: request.uri.path)
        guard !allowed.isEmpty, !allowed.contains(request.method.rawValue) else { return nil }
        var error = APIError(
            .methodNotAllowed, "method_not_allowed", "this path takes \(allowed.joined(separator: ", "))")
        error.headers[.allow] = allowed.joined(separator: ", ")
        return error
    }

    private static func named(_ error: HTTPError) -> APIError {
        let code =
            switch error.status {
            case .notFound: "not_found"
            case .contentTooLarge: "payload_too_large"
            case .methodNotAllowed: "method_not_allowed"
            case .unsupportedMediaType: "unsupported_media_type"
            default: "bad_request"
            }
        var named = APIError(error.status, code, error.body ?? error.status.reasonPhrase)
        named.headers = error.headers
        return named
    }

    /// Where a body departs from what was asked; quotes none of it.
    static func place(of error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ more: (any CodingKey)? = nil) -> String {
            let keys = (context.codingPath + (more.map { [$0] } ?? [])).map { key in
                key.intValue.map { "[\($0)]" } ?? String(key.stringValue.prefix(64))
            }
            return keys.isEmpty ? "is of another type" : "has a wrong \(keys.joined(separator: "."))"
        }
        return switch error {
        case .typeMismatch(_, let context): path(context)
        case .valueNotFound(_, let context): path(context)
        case .keyNotFound(let key, let context): "\(path(context, key)): it is missing"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty: path(context)
        default: "is not JSON"
        }
    }
}

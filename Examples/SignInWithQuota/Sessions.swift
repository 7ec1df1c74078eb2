import Hummingbird
import QuotaAPI

/// What the app remembers of a browser.
struct Session: Sendable {
    struct User: Sendable {
        var identity: QuotaIdentity
        var client: QuotaClient
        var tokens: TokenSet
    }

    var pending: PendingSignIn?
    var user: User?
}

/// Sessions in memory, by the random id in a cookie. Bounded: the oldest go.
actor Sessions {
    private var sessions: [String: Session] = [:]
    private var order: [String] = []

    subscript(id: String?) -> Session? { id.flatMap { sessions[$0] } }

    func make(_ session: Session) -> String {
        var generator = SystemRandomNumberGenerator()
        let id = (0..<4).map { _ in String(generator.next(), radix: 36) }.joined()
        sessions[id] = session
        order.append(id)
        if order.count > 10_000 { sessions[order.removeFirst()] = nil }
        return id
    }

    func remove(_ id: String?) -> Session? {
        id.flatMap { sessions.removeValue(forKey: $0) }
    }
}

extension Request {
    var sessionID: String? { cookies["session"]?.value }
}

func redirect(_ url: String, session: String? = nil) -> Response {
    var response = Response(status: .seeOther, headers: [.location: url, .cacheControl: "no-store"])
    // Lax, not Strict: the browser comes back from another site. Add Secure behind https.
    if let session { response.headers[.setCookie] = "session=\(session); Path=/; HttpOnly; SameSite=Lax" }
    return response
}

func page(_ html: String, _ status: HTTPResponse.Status = .ok) -> Response {
    Response(
        status: status, headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: "<!doctype html><meta charset=utf-8><body>\(html)")))
}

extension String {
    var htmlEscaped: String {
        replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

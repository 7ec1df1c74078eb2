import HTTPTypes
import Hummingbird

/// What a browser may do with a page: the headers that every page carries.
struct PagePolicy: Sendable {
    /// Where a form of the page may lead besides this server: browsers hold redirects after a form to this, too.
    var formTarget: String?
    /// Scripts of this server, and its JSON and WebSocket.
    var allowsScripts = false
    var allowsMicrophone = false

    private var contentPolicy: String {
        var parts = [
            "default-src 'none'", "style-src 'self'", "img-src 'self' data:", "base-uri 'none'",
            "frame-ancestors 'none'", "form-action 'self'" + (formTarget.map { " " + $0 } ?? ""),
        ]
        if allowsScripts { parts += ["script-src 'self'", "connect-src 'self'", "worker-src 'self'"] }
        return parts.joined(separator: "; ")
    }

    var headers: HTTPFields {
        var headers = HTTPFields()
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.cacheControl] = "no-store"
        headers[.contentSecurityPolicy] = contentPolicy
        headers[.xContentTypeOptions] = "nosniff"
        for (name, value) in Self.others { headers[name] = value }
        headers[Self.permissions] = allowsMicrophone ? "microphone=(self), camera=()" : "microphone=(), camera=()"
        return headers
    }

    private static let permissions = HTTPField.Name("Permissions-Policy")!
    private static let others: [(HTTPField.Name, String)] = [
        (HTTPField.Name("X-Frame-Options")!, "DENY"),
        // Addresses here hold codes and tokens of forms; to this server itself they may go, or `Origin` would be null.
        (HTTPField.Name("Referrer-Policy")!, "same-origin"),
        (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),
    ]

    func response(_ html: HTML, status: HTTPResponse.Status = .ok, cookies: [Cookie] = []) -> Response {
        var response = Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html.text)))
        for cookie in cookies { response.setCookie(cookie) }
        return response
    }
}

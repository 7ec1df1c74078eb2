import NIOHTTP1

/// What the browser shows at the end of a sign-in.
struct SignInPage: Sendable {
    let status: HTTPResponseStatus
    let title: String
    let text: String

    static let done = SignInPage(
        status: .ok, title: "You are signed in", text: "You can close this page and go back to the terminal.")
    static let failed = SignInPage(
        status: .badRequest, title: "The sign-in did not work", text: "The terminal says why.")
    static let foreign = SignInPage(
        status: .badRequest, title: "This is not the sign-in that was begun", text: "Go back to the terminal.")
    static let notHere = SignInPage(status: .notFound, title: "Nothing is here", text: "")

    var head: HTTPResponseHead {
        HTTPResponseHead(
            version: .http1_1, status: status,
            headers: [
                "Content-Type": "text/html; charset=utf-8", "Content-Length": "\(html.utf8.count)",
                "Connection": "close", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            ])
    }

    /// Of constant texts alone: nothing that came over the network is in it.
    var html: String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1"><title>\(title)</title><style>
        :root { color-scheme: light dark }
        body { font: 18px/1.5 system-ui, sans-serif; min-height: 90vh; display: grid; place-items: center; margin: 0 }
        main { text-align: center; padding: 2rem } h1 { font-size: 1.6rem; font-weight: 600; margin: 0 0 .5rem }
        p { margin: 0; opacity: .75 }
        </style></head><body><main><h1>\(title)</h1><p>\(text)</p></main></body></html>
        """
    }
}

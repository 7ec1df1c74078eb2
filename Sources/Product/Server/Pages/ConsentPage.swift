/// Asks a user whether an app may use the account: names it, says in words what it wants, and shows what there is to
/// spend.
struct ConsentPage: Sendable {
    let request: AuthorizationRequest
    /// The request as it came; it is checked again when the form comes back.
    let fields: FormFields
    let email: String
    /// Credits.
    let balance: Int
    let guardField: HTML

    static let purpose = "consent"

    var html: HTML {
        let app = request.client.name
        return PageFrame(title: "Allow \(app)?").around(
            """
            <section class="card">
            <h1>Allow <q>\(app)</q> to use your account?</h1>
            <p class="soft">Signed in as <strong>\(email)</strong>. <a href="\(changePath)">Not you?</a></p>
            <p>It may:</p>
            <ul class="scopes">\(request.scopes.ordered.map(Self.line))</ul>
            <p class="soft">Your balance: <strong>\(CreditText.dollars(balance))</strong></p>
            <form method="post" action="/oauth/authorize">
            \(guardField)
            \(fields.pairs.map { "<input type=\"hidden\" name=\"\($0.name)\" value=\"\(exact: $0.value)\">" as HTML })
            <div class="actions">
            <button type="submit" name="decision" value="allow">Allow</button>
            <button type="submit" name="decision" value="deny" class="plain">Don’t allow</button>
            </div>
            </form>
            <p class="soft">\(destination) You can take this back at any time on the page of this server.</p>
            </section>
            """)
    }

    private static func line(_ scope: Scope) -> HTML {
        scope.isCostly ? "<li class=\"costly\">\(scope.words)</li>" : "<li>\(scope.words)</li>"
    }

    private var destination: HTML {
        request.client.isPublic && request.redirect.scheme == "http"
            ? "It says that it is a program on this computer (<code>\(request.redirect.origin)</code>)."
            : "Your answer goes to <code>\(request.redirect.origin)</code>."
    }

    /// Signs in anew, then comes back to this question.
    private var changePath: String {
        "/login?switch=1&next=" + FormFields.encode("/oauth/authorize?" + fields.query)
    }
}

/// A page with a sentence: what went wrong, or what is done.
struct MessagePage: Sendable {
    let title: String
    let sentence: String
    /// For developers.
    var detail: String?
    var link: (title: String, path: String)?

    var html: HTML {
        let code: HTML? = detail.map { "<p class=\"soft\"><code>\($0)</code></p>" }
        let button: HTML? = link.map { "<p><a class=\"button\" href=\"\($0.path)\">\($0.title)</a></p>" }
        return PageFrame(title: title).around(
            "<section class=\"card\"><h1>\(title)</h1><p>\(sentence)</p>\(code)\(button)</section>")
    }
}

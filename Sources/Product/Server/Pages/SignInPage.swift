/// Signing in, and making an account.
struct SignInPage: Sendable {
    enum Kind: Sendable {
        case signIn
        case register
    }

    let kind: Kind
    /// The hidden field against forgery.
    let guardField: HTML
    /// Where it goes on.
    let next: LocalPath
    /// What was typed before.
    var email = ""
    var name = ""
    /// A sentence on what went wrong.
    var problem: String?
    /// The app that waits for the user.
    var appName: String?

    private var other: String { (kind == .signIn ? "/register" : "/login") + "?next=" + FormFields.encode(next.text) }

    var html: HTML {
        switch kind {
        case .signIn: PageFrame(title: "Sign in").around(card("Sign in", signIn))
        case .register: PageFrame(title: "Create an account").around(card("Create an account", register))
        }
    }

    private func card(_ title: String, _ content: HTML) -> HTML {
        let app: HTML? = appName.map { "<p class=\"soft\">to go on to <strong>\($0)</strong></p>" }
        let note: HTML? = problem.map { "<p class=\"note bad\" role=\"alert\">\($0)</p>" }
        return "<section class=\"card\"><h1>\(title)</h1>\(app)\(note)\(content)</section>"
    }

    private var signIn: HTML {
        """
        <form method="post" action="/login">
        \(guardField)<input type="hidden" name="next" value="\(exact: next.text)">
        <label for="email">Email</label>
        <input id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="\(email)">
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024">
        <div class="actions"><button type="submit">Sign in</button></div>
        </form>
        <p class="soft">No account on this server yet? <a href="\(other)">Create one</a></p>
        """
    }

    private var register: HTML {
        """
        <form method="post" action="/register">
        \(guardField)<input type="hidden" name="next" value="\(exact: next.text)">
        <label for="name">Name</label>
        <input id="name" name="name" type="text" autocomplete="name" maxlength="100" value="\(name)">
        <label for="email">Email</label>
        <input id="email" name="email" type="email" autocomplete="username" required maxlength="254" value="\(email)">
        <label for="password">Password, at least 8 characters</label>
        <input id="password" name="password" type="password" autocomplete="new-password" required minlength="8"
        maxlength="1024">
        <div class="actions"><button type="submit">Create the account</button></div>
        </form>
        <p class="soft">Already have one? <a href="\(other)">Sign in</a></p>
        """
    }
}

import ArgumentParser
import Foundation
import QuotaAPI

struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Sign in with Quota, so that your wallet pays.",
        discussion: """
            Opens the browser. Over ssh, open the address that is shown anywhere, and paste the address that the browser \
            ends at (it won't load there). The sign-in is kept encrypted in $XDG_STATE_HOME/quota-voice.

            A server that does not know this program's client id needs an app of yours: public, without a secret, with the \
            redirect URI http://127.0.0.1/callback. Give its id by --client-id or QUOTA_CLIENT_ID.
            """)

    @Option(
        help: ArgumentHelp(
            "This program's client id with the server; else QUOTA_CLIENT_ID, else \(QuotaAssumptions.clientID).",
            valueName: "id"))
    var clientID: String?

    @Flag(help: "Don't open a browser; only show the address.")
    var noBrowser = false

    @OptionGroup var access: QuotaAccess

    func run() async throws {
        QuotaAccess.keepSecrets()
        try await QuotaAccess.reporting {
            let clientID = clientID ?? QuotaAccess.setting("QUOTA_CLIENT_ID") ?? QuotaAssumptions.clientID
            let native = NativeSignIn(clientID: clientID, options: access.options)
            let outcome = try await native.signIn(
                present: { [noBrowser] url in
                    Terminal.note("Sign in at:\n\n  \(url)\n")
                    if !noBrowser, await Browser.open(url) {
                        Terminal.note("The browser is open. Waiting …")
                    }
                    if Self.hasKeyboard { Terminal.note("Or paste the address it ends at, or the code, here:") }
                },
                pasted: { await Self.line() },
                onRefusedPaste: { Terminal.note("\($0)") })
            try await QuotaAccess.store.set(outcome.signIn.tokens, for: access.resolvedBaseURL)
            let identity = outcome.signIn.identity
            if access.json {
                try QuotaAccess.print(json: identity)
            } else {
                Terminal.result("Signed in as \(QuotaAccess.plain(identity?.email ?? identity?.subject ?? "you")).")
            }
        }
    }

    private static let hasKeyboard = isatty(STDIN_FILENO) == 1

    /// A line of standard input. Looks at it in short turns on a thread of its own, so that it ends with its task.
    private static func line() async -> String? {
        guard hasKeyboard else { return nil }
        while !Task.isCancelled {
            let ready = await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                    continuation.resume(returning: poll(&entry, 1, 200) > 0)
                }
            }
            if ready { return readLine() }
        }
        return nil
    }
}

struct LogoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "Sign out: the stored sign-in is revoked and removed.")

    @OptionGroup var access: QuotaAccess

    private struct Report: Encodable {
        var removed: Bool
        var revoked: Bool
    }

    func run() async throws {
        QuotaAccess.keepSecrets()
        try await QuotaAccess.reporting {
            let base = access.resolvedBaseURL
            guard let tokens = try await QuotaAccess.store.get(base) else {
                if access.json { return try QuotaAccess.print(json: Report(removed: false, revoked: false)) }
                return Terminal.result("Not signed in at \(base).")
            }
            var isRevoked = false
            do {
                let oauth = try QuotaOAuth(
                    clientID: tokens.clientID ?? QuotaAssumptions.clientID, redirectURI: "http://127.0.0.1/",
                    options: access.options)
                try await oauth.revoke(tokens)
                isRevoked = true
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                Terminal.note("The server could not be told (\(error)); what is stored here is removed all the same.")
            }
            try await QuotaAccess.store.delete(base)
            if access.json { return try QuotaAccess.print(json: Report(removed: true, revoked: isRevoked)) }
            Terminal.result("Signed out.")
        }
    }
}

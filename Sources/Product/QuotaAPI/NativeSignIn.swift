import Foundation

/// Signing in from a program that people run: the browser comes back to this machine, or the person pastes the code.
///
/// A public client with PKCE (RFC 8252): the program holds no secret of its own.
public struct NativeSignIn: Sendable {
    /// A user who signed in, and what to refresh and revoke with.
    public struct Outcome: Sendable {
        public let oauth: QuotaOAuth
        public let signIn: QuotaOAuth.SignIn
    }

    public let clientID: String
    public var options: QuotaOptions
    public var scopes: [QuotaScope]

    public init(clientID: String, options: QuotaOptions = QuotaOptions(), scopes: [QuotaScope] = .signIn) {
        self.clientID = clientID
        self.options = options
        self.scopes = scopes
    }

    /// Signs a user in.
    ///
    /// - Parameters:
    ///   - present: gets the address that the person has to visit: shows it, opens it.
    ///   - pasted: gives what the person pasted, `nil` when nothing will come. Asked again after what can't be used;
    ///     cancelled when the browser was faster.
    ///   - onRefusedPaste: hears why something pasted was not taken.
    /// - Throws: ``SignInError``, ``QuotaError``, ``QuotaConfigurationError``.
    public func signIn(
        present: @escaping @Sendable (_ url: String) async -> Void,
        pasted: @escaping @Sendable () async -> String? = { nil },
        onRefusedPaste: @escaping @Sendable (SignInError) -> Void = { _ in }
    ) async throws -> Outcome {
        let receiver = try await LoopbackReceiver.listen()
        let oauth = try QuotaOAuth(clientID: clientID, redirectURI: receiver.redirectURI, options: options)
        let start: QuotaOAuth.Start
        do {
            start = try await oauth.start(scopes: scopes)
            try await oauth.checkClient(start)
        } catch {
            await receiver.close()
            throw error
        }
        let pending = start.pending
        return try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                try await receiver.receive { callback in await Self.judge(callback, oauth, pending) }
            }
            group.addTask {
                await present(start.url)
                while let text = await pasted(), !Task.isCancelled {
                    do {
                        let code = try pending.code(fromPasted: text)
                        let signIn = try await oauth.exchange(code: code, pending: pending)
                        return Outcome(oauth: oauth, signIn: signIn)
                    } catch let error as SignInError where error == .malformedCallback || error == .stateMismatch {
                        onRefusedPaste(error)
                    }
                }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: .seconds(PendingSignIn.secondsMax))
                throw SignInError.tooLate
            }
            defer { group.cancelAll() }
            while let outcome = try await group.next() {
                if let outcome { return outcome }
            }
            throw CancellationError()
        }
    }

    private static func judge(
        _ callback: String, _ oauth: QuotaOAuth, _ pending: PendingSignIn
    ) async -> (verdict: Result<Outcome?, any Error>, page: SignInPage)? {
        do {
            let signIn = try await oauth.finish(callback: callback, pending: pending)
            return (.success(Outcome(oauth: oauth, signIn: signIn)), .done)
        } catch SignInError.stateMismatch, SignInError.malformedCallback, SignInError.issuerMismatch {
            // Not from the server that was asked: anyone on this machine can send it.
            return nil
        } catch {
            return (.failure(error), .failed)
        }
    }
}

/// The person's browser.
public enum Browser {
    /// Opens a page by `xdg-open`, where there is a screen to show it on. False where there is none, as over ssh.
    public static func open(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) async -> Bool {
        let hasScreen = ["DISPLAY", "WAYLAND_DISPLAY"].contains { !(environment[$0] ?? "").isEmpty }
        guard hasScreen, environment["SSH_CONNECTION"] == nil,
            let tool = ToolProcess.find("xdg-open", environment: environment)
        else { return false }
        // Some wait for the browser to end: whatever has not failed after a while has worked.
        let outcome = await ToolProcess.start(tool, [url], seconds: 5)
        return outcome == nil || outcome == 0
    }
}

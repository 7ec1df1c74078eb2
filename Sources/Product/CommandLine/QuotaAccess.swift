import ArgumentParser
import CRealtime
import Foundation
import QuotaAPI

/// Which Quota account a command acts for, and where.
struct QuotaAccess: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read an API key or access token from the first line of this file; else QUOTA_API_KEY, else the sign-in.",
            valueName: "file"), completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("The server; else QUOTA_BASE_URL, else \(QuotaOptions.defaultBaseURL).", valueName: "url"))
    var baseURL: String?

    @Option(help: ArgumentHelp("Trust the certificates of this PEM file too.", valueName: "file"), completion: .file())
    var caFile: String?

    @Flag(help: "Print JSON on standard output.")
    var json = false

    /// A variable of the environment; an empty one is none.
    static func setting(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    var resolvedBaseURL: String {
        var url = baseURL ?? Self.setting("QUOTA_BASE_URL") ?? QuotaOptions.defaultBaseURL
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }

    static let store = FileTokenStore(onWarning: { Terminal.note("quota-voice: \($0)") })

    var options: QuotaOptions {
        var options = QuotaOptions()
        options.baseURL = resolvedBaseURL
        options.caFile = caFile
        options.userAgent = "quota-voice/\(QuotaVoice.version)"
        return options
    }

    /// What this process knows from here on belongs in no core file.
    static func keepSecrets() { crt_refuse_dumps() }

    /// A client with the first credential there is. `needsCredential` false: one without, if there is none.
    func client(
        needsCredential: Bool = true, configure: (inout QuotaOptions) -> Void = { _ in }
    ) async throws -> QuotaClient {
        Self.keepSecrets()
        var options = options
        configure(&options)
        if let token = try RelayOptions.token(file: tokenFile) {
            if let tokenFile { Self.warnOfReaders(tokenFile) }
            let isAccessToken = token.hasPrefix("quota_token_")
            let credentials =
                isAccessToken ? QuotaCredentials(accessToken: token) : QuotaCredentials(apiKey: token)
            return try QuotaClient(credentials, options: options)
        }
        if let tokens = try await Self.store.get(resolvedBaseURL) {
            options.tokenStore = Self.store
            options.tokenStoreKey = resolvedBaseURL
            options.accessTokenExpiresAt = tokens.expiresAt
            let isRefreshable = tokens.refreshToken != nil && tokens.clientID != nil
            return try QuotaClient(
                QuotaCredentials(
                    accessToken: tokens.accessToken, refreshToken: isRefreshable ? tokens.refreshToken : nil,
                    clientID: isRefreshable ? tokens.clientID : nil), options: options)
        }
        guard !needsCredential else { throw Self.noCredential }
        return try QuotaClient(.none, options: options)
    }

    static let noCredential = CommandFailure(
        status: .noPermission,
        sentence: "no credential: run quota-voice login, or put an API key into QUOTA_API_KEY or a --token-file")

    /// A key that others can read is not refused, since secrets are often mounted so; but it is told.
    private static func warnOfReaders(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o044 != 0 else { return }
        Terminal.note("quota-voice: \(path): others may read this key; chmod 600 it")
    }

    /// Runs `body`, and turns what it throws into the sentence and exit code of a command.
    static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as QuotaError {
            throw CommandFailure(status: status(of: error), sentence: error.description + advice(on: error))
        } catch QuotaConfigurationError.malformed(let field) where field == .apiKey || field == .accessToken {
            throw CommandFailure(
                status: .noPermission,
                sentence: "the key has characters that no key has; check QUOTA_API_KEY or the --token-file")
        } catch let error as QuotaConfigurationError {
            throw CommandFailure(status: .usage, sentence: error.description)
        } catch let error as SignInError {
            throw CommandFailure(status: .noPermission, sentence: error.description)
        } catch let error as TokenStoreError {
            throw CommandFailure(status: .noPermission, sentence: error.description)
        } catch is CancellationError {
            throw CommandFailure(status: .interrupted, sentence: "stopped")
        }
    }

    /// What somebody at a terminal does next, where the library can't know it.
    private static func advice(on error: QuotaError) -> String {
        switch error {
        case .tokenExpired: " (quota-voice login, or another token)"
        case .notConnected: " (quota-voice login)"
        case .insufficientCredits: " (quota-voice topup)"
        case .server(let answer) where answer.status == 401: "; check QUOTA_API_KEY or the --token-file"
        case .server, .insufficientScope, .rateLimited, .unreadable, .transport: ""
        }
    }

    private static func status(of error: QuotaError) -> ExitStatus {
        switch error {
        case .insufficientCredits: .balanceExhausted
        case .notConnected, .tokenExpired, .insufficientScope: .noPermission
        case .rateLimited: .tryAgain
        case .server(let answer):
            switch answer.status {
            case 401, 403: .noPermission
            case 400, 404, 422: .usage
            case 502, 503, 504: .tryAgain
            default: .protocolError
            }
        case .unreadable: .protocolError
        case .transport(let error):
            switch error.kind {
            case .cannotConnect, .tls, .redirectRefused: .unreachable
            case .timedOut, .connectionLost: .tryAgain
            case .tooLarge, .malformed: .protocolError
            case .clientClosed: .internalError
            }
        }
    }

    static func print(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.result(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Credits as money; "no wallet" where there is none, which is not $0.00.
    static func money(_ credits: Int?) -> String {
        credits.map(formatCredits) ?? "no wallet"
    }

    /// What a server wrote, fit for a terminal: no control characters.
    static func plain(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
    }
}

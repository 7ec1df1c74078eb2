import ArgumentParser
import Foundation
import Logging
import VoiceKit
import VoiceRelay
import VoiceServer
import VoiceUpstreamRelay

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a Quota of this machine: its API, and a relay with the local voices.",
        discussion: """
            Keys: each line of --token-file is an API key, optionally followed by its credits \
            (1,000,000 unless given). Without --token-file a key is made once and kept, readable by you alone, \
            in $XDG_STATE_HOME/quota-voice/serve-key. Without --data all state is in memory: a restart sets \
            credits back. With it a key's credits are those of its first use there.

            Without a certificate the connection is not encrypted: give one, or --dev-ca.

            All options but --config and --reset-password are also read from the environment (QUOTA_VOICE_PORT, \
            QUOTA_VOICE_PUBLIC_URL …) and from the JSON file of --config ({"port": 8787, "publicUrl": "https://…"}); \
            options win over both. Read from there alone are the key of --upstream (QUOTA_VOICE_UPSTREAM_KEY) and \
            the bearer that opens /metrics to other machines (QUOTA_VOICE_METRICS_TOKEN).
            """)

    @Option(help: ArgumentHelp("Address to listen on (127.0.0.1).", valueName: "host"))
    var host: String?

    @Option(help: ArgumentHelp("Port to listen on (8787); 0 takes a free one.", valueName: "port"))
    var port: Int?

    @Option(help: ArgumentHelp("API keys that may open sessions, one a line.", valueName: "file"), completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("Folder for users, keys and credits; made when missing.", valueName: "folder"),
        completion: .directory)
    var data: String?

    @Option(help: ArgumentHelp("JSON file of settings.", valueName: "file"), completion: .file())
    var config: String?

    @Option(help: ArgumentHelp("Sessions at once (64).", valueName: "count"))
    var sessions: Int?

    @Option(help: ArgumentHelp("Seconds between heartbeats (5).", valueName: "seconds"))
    var heartbeat: Double?

    @Option(help: ArgumentHelp("Address by which others reach this server.", valueName: "url"))
    var publicURL: String?

    @Option(help: ArgumentHelp("Certificate chain for TLS, PEM.", valueName: "file"), completion: .file())
    var tlsCert: String?

    @Option(help: ArgumentHelp("Key of the certificate, PEM.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Flag(
        inversion: .prefixedNo, help: "TLS with a certificate authority of this server's own, made in --data.")
    var devCA: Bool?

    @Option(help: ArgumentHelp("OpenAI-compatible server that completes chats.", valueName: "url"))
    var upstream: String?

    @Option(
        help: ArgumentHelp(
            "Have voices converted by this relay, Quota's or another server's; billed here.", valueName: "url"))
    var upstreamRelay: String?

    @Option(
        help: ArgumentHelp("The key for it, on the first line of a file.", valueName: "file"), completion: .file())
    var upstreamTokenFile: String?

    @Option(
        name: .customLong("upstream-ca-file"),
        help: ArgumentHelp("Trust the certificates of this PEM file for it too.", valueName: "file"),
        completion: .file())
    var upstreamCAFile: String?

    @Flag(inversion: .prefixedNo, help: "Let webhooks point at this machine.")
    var webhooksToLoopback: Bool?

    @Option(help: ArgumentHelp("Before a failed webhook's second attempt (5).", valueName: "seconds"))
    var webhookRetry: Double?

    @Option(help: ArgumentHelp("Requests a minute from one address (6000); 0 has no limit.", valueName: "count"))
    var requestsPerMinute: Int?

    @Option(help: ArgumentHelp("Threads that convert. Default: one for each processor.", valueName: "count"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "Refuse new sessions while one frame in ten waits longer for a thread (250); 0 never refuses.",
            valueName: "milliseconds"))
    var lateness: Double?

    @Flag(
        inversion: .prefixedNo,
        help: "Give sound back as it came, whatever the voice: for measuring what a session costs.")
    var echo: Bool?

    @Option(
        help: ArgumentHelp(
            "Set this account's password, read from the terminal or standard input, end its sessions, and stop.",
            valueName: "email"))
    var resetPassword: String?

    /// What options and settings may be.
    private enum Bounds {
        static let port = 0...65_535
        static let sessions = 1...100_000
        static let heartbeat = 0.1...60
        static let workers = 1...1_024
        static let lateness = 0.0...60_000
        static let webhookRetry = 0.01...3_600
        static let requestsPerMinute = 0...100_000_000
    }

    func validate() throws {
        func given<Number: Comparable>(_ value: Number?, _ range: ClosedRange<Number>, _ option: String) throws {
            guard let value, !range.contains(value) else { return }
            throw ValidationError("--\(option) takes \(range.lowerBound) to \(range.upperBound).")
        }
        try given(port, Bounds.port, "port")
        try given(sessions, Bounds.sessions, "sessions")
        try given(heartbeat, Bounds.heartbeat, "heartbeat")
        try given(workers, Bounds.workers, "workers")
        try given(lateness, Bounds.lateness, "lateness")
        try given(webhookRetry, Bounds.webhookRetry, "webhook-retry")
        try given(requestsPerMinute, Bounds.requestsPerMinute, "requests-per-minute")
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together.")
        }
        guard devCA != true || tlsCert == nil else {
            throw ValidationError("--dev-ca and --tls-cert exclude each other.")
        }
    }

    func run() async throws {
        let settings: ServerSettings
        do {
            settings = try await ServerSettings.read(file: config)
        } catch let error as ServerSettings.Invalid {
            throw CommandFailure(status: .usage, sentence: error.description)
        }
        let level = settings.logLevel.flatMap(Logger.Level.init(rawValue:)) ?? .info
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        if let resetPassword {
            guard let folder = data ?? settings.data else {
                throw CommandFailure(status: .usage, sentence: "--reset-password needs the folder of --data")
            }
            return try await PasswordReset(folder: folder, email: resetPassword).run()
        }
        let keys = try (tokenFile ?? settings.tokenFile).map { try ServeKeys.read($0) } ?? ServeKeys.own()
        let library = VoiceLibrary()
        for problem in library.problems { Terminal.error(problem) }
        let configuration = try serverConfiguration(settings, keys, library)
        raiseDescriptorLimit()
        let server = RelayServer(configuration: configuration, logger: Logger(label: "quota-voice.serve"))
        do {
            try await server.run(stopsOnSignals: true) { port in
                Self.announce(configuration, port: port, keys: keys)
            }
        } catch let error as RelayServerError {
            throw failure(error, configuration)
        }
    }

    private func serverConfiguration(
        _ settings: ServerSettings, _ keys: ServeKeys, _ library: VoiceLibrary
    ) throws -> RelayServerConfiguration {
        func within<Number: Comparable>(_ value: Number, _ range: ClosedRange<Number>, _ name: String) throws -> Number
        {
            guard range.contains(value) else {
                throw CommandFailure(
                    status: .usage, sentence: "\(name) takes \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        let port = try within(port ?? settings.port ?? 8_787, Bounds.port, "port")
        let sessions = try within(sessions ?? settings.sessions ?? 64, Bounds.sessions, "sessions")
        let heartbeat = try within(heartbeat ?? settings.heartbeat ?? 5, Bounds.heartbeat, "heartbeat")
        let lateness = try within(lateness ?? settings.lateness ?? 250, Bounds.lateness, "lateness")
        var configuration = RelayServerConfiguration(
            host: host ?? settings.host ?? "127.0.0.1", port: port, dataFolder: data ?? settings.data,
            balances: keys.balances, heartbeatSeconds: heartbeat, sessionsMax: sessions, voices: library.all)
        let certificate = (tlsCert ?? settings.tlsCertificate, tlsKey ?? settings.tlsKey)
        if devCA ?? settings.devCA ?? false {
            guard configuration.dataFolder != nil else {
                throw CommandFailure(status: .usage, sentence: "--dev-ca needs a folder to keep its key: give --data")
            }
            configuration.makesCertificate = true
        } else if let chain = certificate.0, let key = certificate.1 {
            configuration.certificate = ServerCertificate(chainPath: chain, keyPath: key)
        }
        configuration.publicURL = publicURL ?? settings.publicURL
        configuration.upstreamURL = upstream ?? settings.upstream
        configuration.upstreamKey = settings.upstreamKey
        configuration.allowsLoopbackWebhooks = webhooksToLoopback ?? settings.webhooksToLoopback ?? false
        configuration.webhookRetrySeconds = try within(
            webhookRetry ?? settings.webhookRetry ?? 5, Bounds.webhookRetry, "webhook-retry")
        configuration.requestsPerMinute = try within(
            requestsPerMinute ?? settings.requestsPerMinute ?? 6_000, Bounds.requestsPerMinute, "requests-per-minute")
        configuration.metricsToken = settings.metricsToken
        if let workers = workers ?? settings.workers {
            configuration.workers = try within(workers, Bounds.workers, "workers")
        }
        configuration.latenessMillisecondsMax = lateness > 0 ? lateness : nil
        if echo ?? settings.echo ?? false { configuration.makeConverter = { _ in EchoConverter() } }
        try relayUpstream(settings)?.serve(&configuration)
        return configuration
    }

    private func relayUpstream(_ settings: ServerSettings) throws -> UpstreamRelay? {
        guard let url = upstreamRelay ?? settings.upstreamRelay else { return nil }
        let file = upstreamTokenFile ?? settings.upstreamTokenFile
        guard let token = try RelayOptions.token(file: file) else {
            throw CommandFailure(
                status: .noPermission,
                sentence: "\(url): no key for it; put it into a file for --upstream-token-file, or into QUOTA_API_KEY")
        }
        let endpoint = RelayEndpoint(base: url, token: token, caFile: upstreamCAFile ?? settings.upstreamCAFile)
        return UpstreamRelay(endpoint: endpoint, logger: Logger(label: "quota-voice.upstream"))
    }

    private static func announce(_ configuration: RelayServerConfiguration, port: Int, keys: ServeKeys) {
        let isSecure = configuration.certificate != nil || configuration.makesCertificate
        let base = "\(isSecure ? "wss" : "ws")://\(configuration.host):\(port)"
        Terminal.result("listening on \(base)\(RelayProtocol.path)")
        if configuration.makesCertificate, let folder = configuration.dataFolder {
            Terminal.note("certificate authority: \(folder)/dev-ca.pem; to trust it here:")
            Terminal.note("  curl --cacert \(folder)/dev-ca.pem https://\(configuration.host):\(port)/healthz")
            Terminal.note(
                "  sudo cp \(folder)/dev-ca.pem /usr/local/share/ca-certificates/quota-voice.crt"
                    + " && sudo update-ca-certificates")
        }
        Terminal.note("keys: \(keys.path)")
        Terminal.note("try:  quota-voice convert speech.wav --relay \(base) --token-file \(keys.path)")
    }

    private func failure(_ error: RelayServerError, _ configuration: RelayServerConfiguration) -> CommandFailure {
        switch error {
        case .cantOpenData(let reason):
            CommandFailure(
                status: .cantCreate,
                sentence:
                    "\(configuration.dataFolder ?? "memory"): can't keep the state there (\(reason)); see --data")
        case .cantSecure(let reason):
            CommandFailure(
                status: .noInput, sentence: "the certificate or its key can't be used (\(reason)); see --tls-cert")
        case .cantListen(let reason):
            CommandFailure(
                status: .unreachable,
                sentence: "\(configuration.host):\(configuration.port): can't listen there (\(reason)); "
                    + "choose another --port or --host")
        }
    }
}

/// A connection takes a descriptor: as many of them as the system allows, instead of the shell's usual 1,024.
private func raiseDescriptorLimit() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
}

import ArgumentParser
import Foundation
import Logging
import VoiceRelay
import VoiceServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a Quota of this machine: its API, and a relay with the local voices.",
        discussion: """
            Keys: each line of --token-file is an API key, optionally followed by its credits
            (1,000,000 unless given). Without --token-file a key is made once and kept, readable by you alone,
            in $XDG_STATE_HOME/quota-voice/serve-key. Without --data all state is in memory: a restart sets
            credits back. With it a key's credits are those of its first use there.

            Without a certificate the connection is not encrypted: give one, or --dev-ca.

            Most options are also read from the environment (QUOTA_VOICE_PORT, QUOTA_VOICE_PUBLIC_URL …) and from
            the JSON file of --config ({"port": 8787, "publicUrl": "https://…"}); options win over both. The key of
            an upstream is read from there alone (QUOTA_VOICE_UPSTREAM_KEY).
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

    @Flag(help: "TLS with a certificate authority of this server's own, made in --data.")
    var devCA = false

    @Option(help: ArgumentHelp("OpenAI-compatible server that completes chats.", valueName: "url"))
    var upstream: String?

    @Flag(help: "Let webhooks point at this machine.")
    var webhooksToLoopback = false

    @Option(help: ArgumentHelp("Before a failed webhook's second attempt (5).", valueName: "seconds"))
    var webhookRetry = 5.0

    @Option(help: ArgumentHelp("Requests a minute from one address (6000); 0 has no limit.", valueName: "count"))
    var requestsPerMinute: Int?

    @Option(help: ArgumentHelp("Threads that convert. Default: one for each processor.", valueName: "count"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "Refuse new sessions while one frame in ten waits longer for a thread; 0 never refuses.",
            valueName: "milliseconds"))
    var lateness = 250.0

    @Flag(help: "Give sound back as it came, whatever the voice: for measuring what a session costs.")
    var echo = false

    func validate() throws {
        guard (0...65_535).contains(port ?? 0) else { throw ValidationError("--port takes 0 to 65535.") }
        guard (1...100_000).contains(sessions ?? 1) else { throw ValidationError("--sessions takes 1 to 100000.") }
        guard (0.1...60).contains(heartbeat ?? 1) else {
            throw ValidationError("--heartbeat takes 0.1 to 60 seconds.")
        }
        guard (1...1_024).contains(workers ?? 1) else { throw ValidationError("--workers takes 1 to 1024.") }
        guard (0...60_000).contains(lateness) else { throw ValidationError("--lateness takes 0 to 60000.") }
        guard (0.01...3_600).contains(webhookRetry) else {
            throw ValidationError("--webhook-retry takes 0.01 to 3600 seconds.")
        }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together.")
        }
        guard !devCA || tlsCert == nil else { throw ValidationError("--dev-ca and --tls-cert exclude each other.") }
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
        let port = port ?? settings.port ?? 8_787
        let sessions = sessions ?? settings.sessions ?? 64
        let heartbeat = heartbeat ?? settings.heartbeat ?? 5
        guard (0...65_535).contains(port), (1...100_000).contains(sessions), (0.1...60).contains(heartbeat) else {
            throw CommandFailure(
                status: .usage, sentence: "a setting is out of range: port 0–65535, sessions 1–100000, heartbeat 0.1–60"
            )
        }
        var configuration = RelayServerConfiguration(
            host: host ?? settings.host ?? "127.0.0.1", port: port, dataFolder: data ?? settings.data,
            balances: keys.balances, heartbeatSeconds: heartbeat, sessionsMax: sessions, voices: library.all)
        let certificate = (tlsCert ?? settings.tlsCertificate, tlsKey ?? settings.tlsKey)
        if devCA {
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
        configuration.allowsLoopbackWebhooks = webhooksToLoopback
        configuration.webhookRetrySeconds = webhookRetry
        configuration.requestsPerMinute = requestsPerMinute ?? settings.requestsPerMinute ?? 6_000
        if let workers { configuration.workers = workers }
        configuration.latenessMillisecondsMax = lateness > 0 ? lateness : nil
        if echo { configuration.makeConverter = { _ in EchoConverter() } }
        return configuration
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

/// The keys that a server accepts.
struct ServeKeys {
    static let creditsDefault = 1_000_000

    let path: String
    let balances: [String: Int]

    static func read(_ path: String, creditsDefault: Int = creditsDefault) throws -> ServeKeys {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(
                status: .noInput, sentence: "\(path): the key file can't be read; check the name and its permissions")
        }
        var balances: [String: Int] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let key = words.first, !key.hasPrefix("#") else { continue }
            guard words.count <= 2, let credits = words.count == 2 ? Int(words[1]) : creditsDefault, credits >= 0 else {
                // The line is not shown: it holds a key.
                throw CommandFailure(
                    status: .usage,
                    sentence: "\(path): line \(index + 1) is not a key with an optional number of credits")
            }
            balances[String(key)] = credits
        }
        guard !balances.isEmpty else {
            throw CommandFailure(status: .usage, sentence: "\(path): no key in it; write one a line")
        }
        return ServeKeys(path: path, balances: balances)
    }

    /// The key of this user's own server, made on first use.
    static func own(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> ServeKeys {
        let home = environment["HOME"] ?? NSHomeDirectory()
        let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? home + "/.local/state"
        let folder = state + "/quota-voice"
        let path = folder + "/serve-key"
        // Whoever serves for himself does not want to run dry: 400,000 seconds.
        let credits = 1_000_000_000
        if FileManager.default.fileExists(atPath: path) { return try read(path, creditsDefault: credits) }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(folder): can't be made; set XDG_STATE_HOME, or give --token-file")
        }
        let key = "sk-quota-local-\(randomHex(bytes: 24))"
        // Made for its owner alone from the first byte on, and only by one process.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(path): can't be written; set XDG_STATE_HOME, or give --token-file")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data("\(key)\n".utf8))
        return try read(path, creditsDefault: credits)
    }

    /// Swift's system generator reads the kernel's CSPRNG on Linux.
    static func randomHex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}

import ArgumentParser
import Foundation
import Logging
import VoiceRelay
import VoiceServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a relay with the voices of this machine, for other programs and other machines.",
        discussion: """
            Keys: each line of --token-file is an API key, optionally followed by its credits
            (1,000,000 unless given). Without --token-file a key is made once and kept, readable by you alone,
            in $XDG_STATE_HOME/quota-voice/serve-key. Without --data all state is in memory: a restart sets
            credits back. With it a key's credits are those of its first use there.

            The connection is not encrypted. Beyond this machine put a TLS proxy in front.
            """)

    @Option(help: ArgumentHelp("Address to listen on.", valueName: "host"))
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("Port to listen on; 0 takes a free one.", valueName: "port"))
    var port = 8787

    @Option(help: ArgumentHelp("API keys that may open sessions, one a line.", valueName: "file"), completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("Folder for users, keys and credits; made when missing.", valueName: "folder"),
        completion: .directory)
    var data: String?

    @Option(help: ArgumentHelp("Sessions at once.", valueName: "count"))
    var sessions = 64

    @Option(help: ArgumentHelp("Threads that convert. Default: one for each processor.", valueName: "count"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "Refuse new sessions while one frame in ten waits longer for a thread; 0 never refuses.",
            valueName: "milliseconds"))
    var lateness = 250.0

    @Flag(help: "Give sound back as it came, whatever the voice: for measuring what a session costs.")
    var echo = false

    @Option(help: ArgumentHelp("Seconds between heartbeats.", valueName: "seconds"))
    var heartbeat = 5.0

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port takes 0 to 65535.") }
        guard (1...100_000).contains(sessions) else { throw ValidationError("--sessions takes 1 to 100000.") }
        guard (1...1_024).contains(workers ?? 1) else { throw ValidationError("--workers takes 1 to 1024.") }
        guard (0...60_000).contains(lateness) else { throw ValidationError("--lateness takes 0 to 60000.") }
        guard (0.1...60).contains(heartbeat) else { throw ValidationError("--heartbeat takes 0.1 to 60 seconds.") }
    }

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let keys = try tokenFile.map { try ServeKeys.read($0) } ?? ServeKeys.own()
        let library = VoiceLibrary()
        for problem in library.problems { Terminal.error(problem) }
        var configuration = RelayServerConfiguration(
            host: host, port: port, dataFolder: data, balances: keys.balances, heartbeatSeconds: heartbeat,
            sessionsMax: sessions, voices: library.all)
        if let workers { configuration.workers = workers }
        configuration.latenessMillisecondsMax = lateness > 0 ? lateness : nil
        if echo { configuration.makeConverter = { _ in EchoConverter() } }
        raiseDescriptorLimit()
        let server = RelayServer(configuration: configuration, logger: Logger(label: "quota-voice.serve"))
        do {
            try await server.run(stopsOnSignals: true) { [host] port in
                Terminal.result("listening on ws://\(host):\(port)\(RelayProtocol.path)")
                Terminal.note("keys: \(keys.path)")
                Terminal.note(
                    "try:  quota-voice convert speech.wav --relay ws://\(host):\(port) --token-file \(keys.path)")
            }
        } catch RelayServerError.cantOpenData(let reason) {
            throw CommandFailure(
                status: .cantCreate,
                sentence: "\(data ?? "memory"): can't keep the state there (\(reason)); see --data")
        } catch RelayServerError.cantListen(let reason) {
            throw CommandFailure(
                status: .unreachable,
                sentence: "\(host):\(port): can't listen there (\(reason)); choose another --port or --host")
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

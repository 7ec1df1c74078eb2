import Configuration
import Foundation

/// What the environment (`QUOTA_VOICE_…`) and a JSON file say of the server; the environment wins. The command line's
/// flags win over both.
public struct ServerSettings: Sendable {
    public struct Invalid: Error, CustomStringConvertible {
        public let description: String
    }

    public var host: String?
    public var port: Int?
    public var data: String?
    public var tokenFile: String?
    public var sessions: Int?
    public var heartbeat: Double?
    public var publicURL: String?
    public var tlsCertificate: String?
    public var tlsKey: String?
    public var upstream: String?
    /// Never a flag: arguments are seen by everybody on the machine.
    public var upstreamKey: String?
    public var requestsPerMinute: Int?
    public var logLevel: String?
    public var devCA: Bool?
    public var webhooksToLoopback: Bool?
    /// Seconds.
    public var webhookRetry: Double?
    public var workers: Int?
    /// Milliseconds.
    public var lateness: Double?
    public var echo: Bool?
    public var metricsToken: String?
    /// Another relay that converts, and the file that holds the key for it.
    public var upstreamRelay: String?
    public var upstreamTokenFile: String?
    public var upstreamCAFile: String?

    /// - Parameter file: a JSON object such as `{"port": 8787, "publicUrl": "https://quota.example"}`.
    public static func read(
        file: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws -> ServerSettings {
        let variables = ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment))
            .scoped(to: "quotaVoice")
        var readers = [variables]
        if let file {
            let place = ConfigReader(
                provider: InMemoryProvider(values: ["filePath": ConfigValue(.string(file), isSecret: false)]))
            do {
                readers.append(ConfigReader(provider: try await FileProvider<JSONSnapshot>(config: place)))
            } catch {
                throw Invalid(description: "\(file): it can't be read as a JSON object of settings")
            }
        }
        return try ServerSettings(readers)
    }

    private init(_ readers: [ConfigReader]) throws {
        func text(_ key: ConfigKey, isSecret: Bool = false) -> String? {
            readers.lazy.compactMap { $0.string(forKey: key, isSecret: isSecret) }.first
        }
        func number(_ key: ConfigKey) throws -> Int? {
            for reader in readers {
                if let value = reader.int(forKey: key) { return value }
                if reader.string(forKey: key) != nil || reader.double(forKey: key) != nil {
                    throw Invalid(description: "setting \(key): it must be a whole number")
                }
            }
            return nil
        }
        func decimal(_ key: ConfigKey, of what: String) throws -> Double? {
            for reader in readers {
                if let value = reader.double(forKey: key) ?? reader.int(forKey: key).map(Double.init) { return value }
                if reader.string(forKey: key) != nil {
                    throw Invalid(description: "setting \(key): it must be a number of \(what)")
                }
            }
            return nil
        }
        func choice(_ key: ConfigKey) throws -> Bool? {
            for reader in readers {
                if let value = reader.bool(forKey: key) { return value }
                if reader.string(forKey: key) != nil || reader.int(forKey: key) != nil {
                    throw Invalid(description: "setting \(key): it must be true or false")
                }
            }
            return nil
        }
        host = text("host")
        port = try number("port")
        data = text("data")
        tokenFile = text("tokenFile")
        sessions = try number("sessions")
        heartbeat = try decimal("heartbeat", of: "seconds")
        publicURL = text("publicUrl")
        tlsCertificate = text("tlsCert")
        tlsKey = text("tlsKey")
        upstream = text("upstream")
        upstreamKey = text("upstreamKey", isSecret: true)
        requestsPerMinute = try number("requestsPerMinute")
        logLevel = text("logLevel")
        devCA = try choice("devCa")
        webhooksToLoopback = try choice("webhooksToLoopback")
        webhookRetry = try decimal("webhookRetry", of: "seconds")
        workers = try number("workers")
        lateness = try decimal("lateness", of: "milliseconds")
        echo = try choice("echo")
        metricsToken = text("metricsToken", isSecret: true)
        upstreamRelay = text("upstreamRelay")
        upstreamTokenFile = text("upstreamTokenFile")
        upstreamCAFile = text("upstreamCaFile")
    }
}

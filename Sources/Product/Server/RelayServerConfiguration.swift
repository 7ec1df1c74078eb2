import Foundation
import VoiceConversion

/// A certificate and its key, as PEM files.
public struct ServerCertificate: Sendable {
    public var chainPath: String
    public var keyPath: String

    public init(chainPath: String, keyPath: String) {
        self.chainPath = chainPath
        self.keyPath = keyPath
    }
}

/// What a local server offers.
public struct RelayServerConfiguration: Sendable {
    public var host: String
    /// 0 takes any free port; ``RelayServer/run(onListening:)`` says which.
    public var port: Int
    /// Where the state is kept; `nil` keeps it in memory, for the life of the process.
    public var dataFolder: String?
    /// API keys that may open sessions, with the credits each has. In memory: a restart sets them back.
    public var balances: [String: Int]
    public var heartbeatSeconds: Double
    /// The longest session that a client may ask for.
    public var maxDurationSeconds: Int
    /// Sessions at once; one more is refused.
    public var sessionsMax: Int
    /// Whether audio above 1.5 times real time is FORMAT_VIOLATION, as the profile has it. A server inside the
    /// converting process lifts it and says so in `ready`: nobody else's rate is at stake.
    public var enforcesCeiling: Bool
    /// Voices by which sessions may ask.
    public var voices: [Voice]
    /// Threads that convert.
    public var workers = max(1, ProcessInfo.processInfo.activeProcessorCount)
    /// How many milliseconds one in ten frames may wait for a worker before new sessions are refused, so that those
    /// that are open stay good; `nil` never refuses.
    public var latenessMillisecondsMax: Double? = 250
    /// Makes the converter of one session.
    package var makeConverter: @Sendable (Voice) throws -> any SessionConverter = { LocalConverter(voice: $0) }
    /// Makes the converter of one session where sessions are converted elsewhere; ``makeConverter`` is not asked then, and
    /// any name of a voice is passed on.
    package var makeRemoteConverter: (@Sendable (RemoteOrder) throws -> any SessionConverter)?
    /// TLS with a given certificate; without one, and without ``makesCertificate``, connections are not encrypted.
    public var certificate: ServerCertificate?
    /// TLS with a certificate of the server's own development CA, which it makes in ``dataFolder``.
    public var makesCertificate = false
    /// Where others reach the server, such as `https://quota.example`; `nil` goes by each request.
    public var publicURL: String?
    /// An OpenAI-compatible base URL that completes chats; `nil` leaves it to a small responder that says so.
    public var upstreamURL: String?
    public var upstreamKey: String?
    /// Whether webhooks may point at this machine. Nothing else that is not public ever.
    public var allowsLoopbackWebhooks = false
    /// Before a failed delivery's second attempt; each further one waits four times as long.
    public var webhookRetrySeconds = 5.0
    /// Opens `/metrics` to other machines, as a bearer; without one only this machine may read it.
    public var metricsToken: String?
    /// Of one address; 0 does not limit.
    public var requestsPerMinute = 6_000

    public init(
        host: String = "127.0.0.1", port: Int = 0, dataFolder: String? = nil, balances: [String: Int],
        heartbeatSeconds: Double = 5, maxDurationSeconds: Int = 86_400, sessionsMax: Int = 64,
        enforcesCeiling: Bool = true, voices: [Voice] = VoiceCatalog.all
    ) {
        self.voices = voices
        self.host = host
        self.port = port
        self.dataFolder = dataFolder
        self.balances = balances
        self.heartbeatSeconds = heartbeatSeconds
        self.maxDurationSeconds = maxDurationSeconds
        self.sessionsMax = sessionsMax
        self.enforcesCeiling = enforcesCeiling
    }
}

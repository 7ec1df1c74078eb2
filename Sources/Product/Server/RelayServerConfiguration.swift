import Foundation
import VoiceConversion

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

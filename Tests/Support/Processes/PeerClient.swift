import Foundation

/// A client that is not ours (`Tests/Support/Peers/client.py`), told step by step what to do.
public enum PeerClient {
    /// One step; the names of what it does and of its arguments are client.py's.
    public struct Step: Sendable {
        fileprivate let json: String

        private init(_ action: String, _ arguments: [String: Any] = [:]) {
            let object = arguments.merging(["do": action]) { $1 }
            let data = try? JSONSerialization.data(withJSONObject: object)
            json = String(decoding: data ?? Data(), as: UTF8.self)
        }

        /// `fields` replace those of a good message; NSNull leaves one out.
        public static func auth(_ token: String, _ fields: [String: Any] = [:]) -> Step {
            Step("auth", ["token": token].merging(fields) { $1 })
        }
        public static func text(_ text: String) -> Step { Step("text", ["text": text]) }
        public static func binary(_ bytes: Int) -> Step { Step("binary", ["bytes": bytes]) }
        /// Sound at a multiple of real time; 0 sends as fast as it goes.
        public static func audio(_ samples: Int, frame: Int = 320, speed: Double = 1, file: String? = nil) -> Step {
            Step("audio", ["samples": samples, "frame": frame, "speed": speed, "file": file ?? NSNull()])
        }
        /// The same in Opus packets of so many samples.
        public static func opus(
            _ samples: Int, packet: Int = 320, speed: Double = 1, file: String? = nil, bitsPerSecond: Int = 24_000
        ) -> Step {
            Step(
                "opus",
                [
                    "samples": samples, "packet": packet, "speed": speed, "file": file ?? NSNull(),
                    "bits_per_second": bitsPerSecond,
                ])
        }
        /// A binary frame of these bytes.
        public static func hex(_ bytes: String) -> Step { Step("hex", ["data": bytes]) }
        /// Writes what was received as a WAV file.
        public static func save(_ file: String) -> Step { Step("save", ["file": file]) }
        /// Until so many messages of a type came, or the connection closed.
        public static func wait(_ type: String, count: Int = 1, seconds: Double = 45) -> Step {
            Step("wait", ["type": type, "count": count, "seconds": seconds])
        }
        /// Until the relay has pinged so often, or the connection closed.
        public static func pinged(_ count: Int) -> Step { Step("pinged", ["count": count, "seconds": 45]) }
        /// Until the relay has taken in all that was sent before: it answers a request for a voice in its turn.
        public static let counted: [Step] = [text(#"{"type":"voice","voice":"none"}"#), wait("voice")]
        public static func sleep(_ seconds: Double) -> Step { Step("sleep", ["seconds": seconds]) }
        public static func mark(_ text: String) -> Step { Step("mark", ["text": text]) }
        /// Answers no ping from here on.
        public static var deaf: Step { Step("deaf") }
        public static var ping: Step { Step("ping") }
        public static var abort: Step { Step("abort") }
        public static var close: Step { Step("close") }
        public static var end: Step { text(#"{"type":"end"}"#) }
    }

    /// A text message of the relay.
    public struct Event: Decodable, Sendable {
        /// Seconds since the connection was open.
        public let at: Double
        public let type: String?
        public let sessionId: String?
        public let reservedCredits: Int?
        public let heartbeatSeconds: Double?
        public let features: [String]?
        public let formats: [String]?
        public let delaySamples: Int?
        public let seconds: Double?
        public let creditsUsed: Int?
        public let creditsLeft: Int?
        public let creditsRefunded: Int?
        public let code: String?
        public let message: String?
        public let voice: String?
        public let refused: String?
        public let balance: Int?
        public let required: Int?
    }

    /// What came back in one session.
    public struct Transcript: Decodable, Sendable {
        public let events: [Event]
        public let closeCode: Int?
        public let closeReason: String?
        public let closedAt: Double?
        public let samplesSent: Int
        public let samplesReceived: Int
        /// Samples that are not those sent, moved by the delay that `ready` declares.
        public let differingSamples: Int
        public let frameBytesMax: Int
        public let loudest: Int
        public let serverPings: Int

        public func events(_ type: String) -> [Event] { events.filter { $0.type == type } }
        public func first(_ type: String) -> Event? { events.first { $0.type == type } }
    }

    /// Starts the client; ``transcripts(_:)`` has what came of it.
    ///
    /// - Parameter hostedUser: for `X-Quota-User` on the upgrade.
    public static func start(
        _ url: String, _ sessions: [[Step]], hostedUser: String? = nil
    ) throws -> RunningProcess {
        let scratch = try Scratch()
        let text = sessions.map { "[\($0.map(\.json).joined(separator: ","))]" }.joined(separator: ",")
        // The process has the file open before the folder goes.
        return try RunningProcess(
            Checkout.python, [Checkout.peer("client.py"), url] + (hostedUser.map { [$0] } ?? []),
            input: scratch.write("steps", "[\(text)]"))
    }

    public static func transcripts(_ process: RunningProcess) async throws -> [Transcript] {
        let result = try await process.result()
        guard result.status == 0 else { throw ProcessFailure("the client failed: \(result.errors)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Transcript].self, from: Data(result.output.utf8))
    }

    /// Several sessions at once.
    public static func run(_ url: String, sessions: [[Step]]) async throws -> [Transcript] {
        try await transcripts(start(url, sessions))
    }

    public static func run(_ url: String, _ steps: [Step]) async throws -> Transcript {
        let all = try await run(url, sessions: [steps])
        guard let first = all.first, all.count == 1 else { throw ProcessFailure("\(all.count) transcripts") }
        return first
    }
}

extension RunningProcess {
    /// How many sessions of a client have come to a mark; what a client that fails says is none.
    public func sessions(at mark: String) -> Int { errorsSoFar.split(separator: "\n").count { $0 == mark } }
}

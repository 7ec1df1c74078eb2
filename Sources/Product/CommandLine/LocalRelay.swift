import Foundation
import Logging
import Synchronization
import VoiceConversion
import VoiceKit
import VoiceServer

/// The relay of this machine inside this process, on a free loopback port, for its own use alone.
struct LocalRelay {
    let endpoint: RelayEndpoint
    private let task: Task<Void, any Error>

    /// Starts it with one voice and returns once it listens.
    static func start(voice: Voice, sessions: Int) async throws -> LocalRelay {
        let token = "sk-quota-local-\(ServeKeys.randomHex(bytes: 24))"
        // The credits are nobody's: enough for any file, so that the same rules run as with a real wallet.
        var configuration = RelayServerConfiguration(
            balances: [token: Int.max / 4], maxDurationSeconds: 100 * 86_400, sessionsMax: sessions,
            enforcesCeiling: false, voices: [voice])
        // Nobody is kept from anything by a file that takes all processors.
        configuration.latenessMillisecondsMax = nil
        var logger = Logger(label: "quota-voice.local")
        logger.logLevel = .critical
        let server = RelayServer(configuration: configuration, logger: logger)
        let (ports, continuation) = AsyncThrowingStream.makeStream(of: Int.self)
        let task = Task {
            do {
                try await server.run { continuation.yield($0) }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
                throw error
            }
        }
        do {
            for try await port in ports {
                return LocalRelay(
                    endpoint: RelayEndpoint(base: "ws://127.0.0.1:\(port)", token: token), task: task)
            }
        } catch {
            throw CommandFailure(
                status: .unreachable, sentence: "the local relay can't listen on 127.0.0.1 (\(error)); is loopback up?")
        }
        throw CommandFailure(status: .internalError, sentence: "the local relay stopped before it began; try again")
    }

    func stop() async {
        task.cancel()
        _ = try? await task.value
    }
}

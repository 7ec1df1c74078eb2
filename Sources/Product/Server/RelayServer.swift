import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOWebSocket
import ServiceLifecycle
import VoiceRelay

/// Why a server did not start.
public enum RelayServerError: Error, Sendable {
    /// The address can't be taken; the text is the system's.
    case cantListen(String)
}

/// A relay on this machine: profile v1 over WebSocket, with the local voices and credits in memory.
///
/// Source: Hummingbird and NIOWebSocket, so it shares no code with the client that meets it.
public final class RelayServer: Sendable {
    private let configuration: RelayServerConfiguration
    private let logger: Logger
    private let relay: RelayService

    public convenience init(configuration: RelayServerConfiguration, logger: Logger) {
        self.init(
            configuration: configuration, logger: logger,
            ledger: WalletLedger(CreditWallet(balances: configuration.balances)))
    }

    package init(configuration: RelayServerConfiguration, logger: Logger, ledger: any RelayLedger) {
        self.configuration = configuration
        self.logger = logger
        relay = RelayService(configuration: configuration, ledger: ledger)
    }

    /// The sessions that are live now, the oldest first. Any thread.
    public var liveSessions: [RelaySessionSnapshot] { relay.liveSessions }

    /// What the relay does as a whole. Any thread.
    public var load: RelayLoadSnapshot { relay.load }

    /// Serves until the task is cancelled or, with `stopsOnSignals`, until SIGINT or SIGTERM; open sessions then get
    /// a typed close and their refund.
    ///
    /// - Parameter onListening: called once, with the port taken.
    /// - Throws: ``RelayServerError`` when it can't listen.
    public func run(stopsOnSignals: Bool = false, onListening: @escaping @Sendable (Int) async -> Void) async throws {
        let router = Router()
        router.get("health") { _, _ in "ok\n" }
        router.get(RouterPath(RelayProtocol.path)) { _, _ -> Response in RelayUpgrade.upgradeRequired }
        let application = Application(
            router: router,
            server: HTTPServerBuilder { [relay] responder in
                RelayUpgrade(responder: responder) { channel, request, logger in
                    await relay.serve(channel, request, logger)
                }
            },
            configuration: .init(address: .hostname(configuration.host, port: configuration.port)),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        defer { relay.stop() }
        do {
            try await application.runService(gracefulShutdownSignals: stopsOnSignals ? [.sigterm, .sigint] : [])
        } catch let error as IOError {
            throw RelayServerError.cantListen(String(cString: strerror(error.errnoCode)))
        }
    }
}

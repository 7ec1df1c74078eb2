import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization
import VoiceRelay

/// Why a server did not start.
public enum RelayServerError: Error, Sendable {
    /// The address can't be taken; the text is the system's.
    case cantListen(String)
    /// The data folder can't be used; the text says why.
    case cantOpenData(String)
    /// The certificate can't be used; the text says why.
    case cantSecure(String)
}

/// A Quota on this machine: its API, and a relay (profile v1 over WebSocket) with the local voices.
///
/// Source: Hummingbird and NIOWebSocket, so it shares no code with the client that meets it.
public final class RelayServer: Sendable {
    private let configuration: RelayServerConfiguration
    private let logger: Logger
    /// Another than the database's, for tests.
    private let ledger: (any RelayLedger)?
    private let relay = Mutex<RelayService?>(nil)

    public convenience init(configuration: RelayServerConfiguration, logger: Logger) {
        self.init(configuration: configuration, logger: logger, ledger: nil)
    }

    package init(configuration: RelayServerConfiguration, logger: Logger, ledger: (any RelayLedger)?) {
        self.configuration = configuration
        self.logger = logger
        self.ledger = ledger
    }

    /// The sessions that are live now, the oldest first. Any thread.
    public var liveSessions: [RelaySessionSnapshot] { relay.withLock { $0?.liveSessions } ?? [] }

    /// What the relay does as a whole. Any thread.
    public var load: RelayLoadSnapshot { relay.withLock { $0?.load } ?? RelayLoadSnapshot() }

    /// Serves until the task is cancelled or, with `stopsOnSignals`, until SIGINT or SIGTERM; open sessions then get
    /// a typed close and their refund.
    ///
    /// - Parameter onListening: called once, with the port taken.
    /// - Throws: ``RelayServerError`` when it can't listen.
    public func run(stopsOnSignals: Bool = false, onListening: @escaping @Sendable (Int) async -> Void) async throws {
        let store = try await openStore()
        let wallet = CreditWallet(
            store: store, model: RelayProtocol.model, endpoint: RelayProtocol.path, logger: logger)
        let services = ServerServices(store: store, configuration: configuration, logger: logger)
        let relay = RelayService(
            configuration: configuration, ledger: ledger ?? wallet, metrics: services.metrics)
        self.relay.withLock { $0 = relay }
        defer { relay.stop() }
        let application = Application(
            router: Routes.router(services, voices: configuration.voices.map(\.name), meters: { relay.liveMeters }),
            server: try childChannel { channel, request, logger in
                await relay.serve(channel, request, logger)
            },
            configuration: .init(address: .hostname(configuration.host, port: configuration.port)),
            services: [
                LedgerKeeper(wallet: wallet), Housekeeper(store: store, logger: logger),
                WebhookDispatcher(store: store, policy: services.webhooks, logger: logger),
            ],
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger)
        do {
            try await application.runService(gracefulShutdownSignals: stopsOnSignals ? [.sigterm, .sigint] : [])
        } catch let error as IOError {
            throw RelayServerError.cantListen(String(cString: strerror(error.errnoCode)))
        }
    }

    /// HTTP and the relay on one port, in TLS where there is a certificate.
    private func childChannel(
        onRelay: @escaping @Sendable (RelayUpgrade.FrameChannel, RelayUpgrade.Request, Logger) async -> Void
    ) throws -> HTTPServerBuilder {
        var certificate = configuration.certificate
        do {
            if configuration.makesCertificate, let folder = configuration.dataFolder {
                let authority = try DevelopmentAuthority(
                    folder: folder, names: DevelopmentAuthority.namesOfThisMachine(host: configuration.host))
                certificate = ServerCertificate(chainPath: authority.certificatePath, keyPath: authority.keyPath)
            }
            let isSecure = certificate != nil
            let plain = HTTPServerBuilder { responder in
                RelayUpgrade(responder: responder, isSecure: isSecure, onRelay: onRelay)
            }
            guard let certificate else { return plain }
            let chain = try NIOSSLCertificate.fromPEMFile(certificate.chainPath)
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: certificate.keyPath, format: .pem)))
            tls.minimumTLSVersion = .tlsv12
            tls.applicationProtocols = ["http/1.1"]
            return try .tls(plain, tlsConfiguration: tls)
        } catch {
            throw RelayServerError.cantSecure("\(error)")
        }
    }

    /// The state, with what an earlier server left open settled, and an account for every key.
    private func openStore() async throws -> Store {
        do {
            let store = try Store(folder: configuration.dataFolder)
            let keys = configuration.balances
            let settled = try await store.write { database in
                try Accounts.adopt(keys: keys, now: .now, in: database)
                try BuiltInApps.ensure(now: .now, in: database)
                return try Ledger.recover(now: .now, in: database)
            }
            if settled > 0 { logger.notice("settled open reservations", metadata: ["count": "\(settled)"]) }
            return store
        } catch is FolderLock.Taken {
            throw RelayServerError.cantOpenData("another server uses it")
        } catch {
            throw RelayServerError.cantOpenData("\(error)")
        }
    }
}

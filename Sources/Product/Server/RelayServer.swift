import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import NIOWebSocket
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
    private let sessions = Mutex(0)
    private let sessionNumber = Mutex(0)

    public init(configuration: RelayServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

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
        let application = Application(
            router: Routes.router(services, voices: configuration.voices.map(\.name), meters: { [:] }),
            server: try childChannel { channel, externalUserID, logger in
                await self.serve(channel, wallet, services.metrics, externalUserID, logger)
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
        onRelay: @escaping @Sendable (RelayUpgrade.FrameChannel, String?, Logger) async -> Void
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

    private func serve(
        _ channel: RelayUpgrade.FrameChannel, _ wallet: CreditWallet, _ metrics: ServerMetrics,
        _ externalUserID: String?, _ logger: Logger
    ) async {
        let id = Identifier.voiceSession.make()
        var logger = logger
        logger[metadataKey: "session"] = "\(id)"
        let admitted = sessions.withLock { count in
            count += 1
            return count <= configuration.sessionsMax
        }
        if admitted { metrics.openSession() } else { metrics.refuseSession() }
        defer {
            sessions.withLock { $0 -= 1 }
            if admitted { metrics.closeSession() }
        }
        do {
            try await channel.executeThenClose { inbound, outbound in
                guard admitted else {
                    try await Self.refuse(outbound)
                    return
                }
                let session = ServerSession(
                    id: id, configuration: configuration, wallet: wallet, externalUserID: externalUserID, now: .now())
                let connection = RelayConnection(
                    session: session, outbound: outbound, heartbeatSeconds: configuration.heartbeatSeconds,
                    logger: logger)
                await self.drive(connection, inbound)
            }
        } catch {
            // The peer went away in mid-frame; the session has settled.
            logger.debug("connection ended", metadata: ["error": "\(error)"])
        }
    }

    private func drive(_ connection: RelayConnection, _ inbound: NIOAsyncChannelInboundStream<FrameArrival>) async {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        for try await arrival in inbound {
                            guard try await connection.receive(arrival) else { break }
                        }
                    } catch {}
                    await connection.abandon()
                }
                group.addTask {
                    while !Task.isCancelled {
                        try? await Task.sleep(for: .milliseconds(100))
                        guard (try? await connection.tick()) == true else { break }
                    }
                }
                // Whichever ends first ends the connection: no frames any more, or a peer that is gone.
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            Task { await connection.shutDown() }
        }
    }

    /// RFC 6455 §7.4.1's registry has 1013 for "try again later".
    private static func refuse(_ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>) async throws {
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: 1013))
        payload.writeString("all sessions of this server are taken")
        try await outbound.write(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload))
    }
}

import Logging
import NIOCore
import NIOWebSocket
import ServiceLifecycle
import VoiceRelay

/// The relay itself: takes connections in, or refuses them, and drives each until it ends.
final class RelayService: Sendable {
    private let configuration: RelayServerConfiguration
    private let ledger: any RelayLedger
    private let metrics: ServerMetrics
    private let pool: WorkerPool
    private let registry = SessionRegistry()

    init(configuration: RelayServerConfiguration, ledger: any RelayLedger, metrics: ServerMetrics) {
        self.configuration = configuration
        self.metrics = metrics
        self.ledger = ledger
        pool = WorkerPool(workers: configuration.workers)
    }

    /// The worker threads end with the relay.
    deinit {
        pool.stop()
    }

    func stop() {
        pool.stop()
    }

    var liveSessions: [RelaySessionSnapshot] { registry.sessions() }

    /// The meters of the live sessions, by their ids.
    var liveMeters: [String: LiveMeter] {
        Dictionary(
            liveSessions.map {
                (
                    $0.id,
                    LiveMeter(input: $0.inputPeak, output: $0.outputPeak, delayMilliseconds: $0.delayMilliseconds)
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    var load: RelayLoadSnapshot {
        var load = registry.load()
        let lateness = pool.lateness()
        load.workers = pool.workers
        load.workerDelayMedian = lateness.median
        load.workerDelay90 = lateness.percentile90
        load.workerDelay99 = lateness.percentile99
        return load
    }

    /// Serves one connection until it is closed.
    func serve(_ channel: RelayUpgrade.FrameChannel, _ request: RelayUpgrade.Request, _ logger: Logger) async {
        let executor = pool.makeExecutor()
        let meters = SessionMeters(id: Identifier.voiceSession.make(), executor: executor)
        var logger = logger
        logger[metadataKey: "session"] = "\(meters.id)"
        let refusal = refusal(of: meters)
        if refusal == nil { metrics.openSession() } else { metrics.refuseSession() }
        defer {
            registry.remove(meters)
            if refusal == nil { metrics.closeSession() }
        }
        do {
            try await channel.executeThenClose { inbound, outbound in
                if let refusal {
                    logger.info("session refused", metadata: ["reason": "\(refusal.message)"])
                    try await Self.refuse(outbound, refusal)
                    await Self.awaitClose(inbound)
                    return
                }
                let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
                let session = ServerSession(
                    meters: meters, configuration: configuration, ledger: ledger, hostedUser: request.hostedUser,
                    onChange: { change.yield() }, now: .now())
                let connection = RelayConnection(
                    session: session, outbound: outbound, heartbeatSeconds: configuration.heartbeatSeconds,
                    executor: executor, logger: logger, registry: registry)
                await self.drive(connection, inbound, changes)
            }
        } catch {
            // The peer went away in mid-frame; the session has settled.
            logger.debug("connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Why a new session would make all others worse; `nil` when it would not.
    private func refusal(of meters: SessionMeters) -> ErrorMessage? {
        if let limit = configuration.latenessMillisecondsMax, pool.lateness().exceeds(milliseconds: limit) {
            registry.noteRefusedLate()
            return ErrorMessage(
                code: "overloaded", message: "the sessions of this server wait for its processors; try again later")
        }
        guard registry.admit(meters, max: configuration.sessionsMax) else {
            return ErrorMessage(code: "overloaded", message: "all sessions of this server are taken; try again later")
        }
        return nil
    }

    private func drive(
        _ connection: RelayConnection, _ inbound: NIOAsyncChannelInboundStream<FrameArrival>,
        _ changes: AsyncStream<Void>
    ) async {
        // Often enough for the shortest heartbeat, and for thousands of sessions not too often.
        let turn = Duration.milliseconds(Int64(max(100, min(500, configuration.heartbeatSeconds * 250))))
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
                        try? await Task.sleep(for: turn)
                        guard (try? await connection.tick()) == true else { break }
                    }
                }
                if configuration.makeRemoteConverter != nil {
                    group.addTask {
                        // A peer that is gone is found by the others.
                        for await _ in changes { try? await connection.pump() }
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
    private static func refuse(
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, _ error: ErrorMessage
    ) async throws {
        let text = ByteBuffer(string: RelayJSON.encode(error))
        try await outbound.write(WebSocketFrame(fin: true, opcode: .text, data: text))
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: 1013))
        payload.writeString(error.message)
        try await outbound.write(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload))
    }

    /// Until the peer answered our Close, two seconds at most: an end with its frames unread would make the kernel reset
    /// the connection, and the peer never know why.
    private static func awaitClose(_ inbound: NIOAsyncChannelInboundStream<FrameArrival>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    for try await arrival in inbound where arrival.frame.opcode == .connectionClose { break }
                } catch {}
            }
            group.addTask { try? await Task.sleep(for: .seconds(2)) }
            await group.next()
            group.cancelAll()
        }
    }
}

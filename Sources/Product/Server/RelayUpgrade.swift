import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket
import Synchronization
import VoiceRelay

/// A frame and when it reached this process. Taken on the event loop: a busy worker must not squeeze
/// arrivals together in front of the rate meter.
struct FrameArrival: Sendable {
    let frame: WebSocketFrame
    let time: NIODeadline
    /// How late this process itself was: for so long it had not read before.
    let lateness: TimeAmount
}

/// For how long this process did not read since the last arrival: its event loop stood still, or what it had read
/// already was not taken by a busy worker.
private final class LoopClock: Sendable {
    static let tick = TimeAmount.milliseconds(10)
    private let lastTick = Atomic<UInt64>(NIODeadline.now().uptimeNanoseconds)

    private let missed = Atomic<Int64>(0)

    /// The loop is alive: what it missed since the last time is kept for the next arrival.
    func noteTick(_ now: NIODeadline) {
        let last = lastTick.exchange(now.uptimeNanoseconds, ordering: .relaxed)
        let late = Int64(now.uptimeNanoseconds) - Int64(last) - 2 * Self.tick.nanoseconds
        if late > 0 { missed.add(late, ordering: .relaxed) }
    }

    /// The loop lived, but the connection was not read for so long.
    func noteHold(_ time: TimeAmount) {
        missed.add(time.nanoseconds, ordering: .relaxed)
    }

    /// The time not read since the last arrival.
    func takeLateness(_ now: NIODeadline) -> TimeAmount {
        noteTick(now)
        return .nanoseconds(missed.exchange(0, ordering: .relaxed))
    }
}

private final class ArrivalStamp: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = FrameArrival
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let clock = LoopClock()
    private var ticking: RepeatedTask?
    /// When a read ended that no other has followed yet.
    private var idleSince: NIODeadline?

    func handlerAdded(context: ChannelHandlerContext) {
        let clock = clock
        ticking = context.eventLoop.scheduleRepeatedTask(initialDelay: LoopClock.tick, delay: LoopClock.tick) { _ in
            clock.noteTick(.now())
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ticking?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = NIODeadline.now()
        let frame = unwrapInboundIn(data)
        // Only sound is judged by its pace: a pong in front of it must not use the lateness up.
        let lateness = frame.opcode == .binary ? clock.takeLateness(now) : .nanoseconds(0)
        context.fireChannelRead(wrapInboundOut(FrameArrival(frame: frame, time: now, lateness: lateness)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        idleSince = .now()
        context.fireChannelReadComplete()
    }

    /// Comes at once after a read, but later where back-pressure held it: what arrived meanwhile waits in the socket.
    func read(context: ChannelHandlerContext) {
        if let idleSince { clock.noteHold(.now() - idleSince) }
        idleSince = nil
        context.read()
    }
}

/// Makes a plain request of every upgrade that is not to the relay: NIO's upgrader ends the connection of one that it
/// refuses, without an answer. Leaves after a connection's first head, the only one that can upgrade, for what follows
/// may be WebSocket bytes.
private final class UpgradeFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    static func isRelay(_ uri: String) -> Bool {
        uri.prefix { $0 != "?" } == RelayProtocol.path
    }

    /// RFC 6455 §4.2.1: a GET with a key and the one version that there is. Everything else gets an answer that names it
    /// (§4.4).
    static func isUpgrade(_ head: HTTPRequestHead) -> Bool {
        head.method == .GET && head.headers["Sec-WebSocket-Version"] == ["13"]
            && head.headers["Sec-WebSocket-Key"].count == 1
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        if case .head(var head) = part, !Self.isRelay(head.uri) || !Self.isUpgrade(head) {
            head.headers.remove(name: "Upgrade")
            part = .head(head)
        }
        context.fireChannelRead(wrapInboundOut(part))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

/// The server's child channel: HTTP/1.1 for Hummingbird, or the relay's WebSocket at its one path.
struct RelayUpgrade: ServerChildChannel {
    typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    typealias FrameChannel = NIOAsyncChannel<FrameArrival, WebSocketFrame>

    /// What the upgrade's head says of the session.
    struct Request: Sendable {
        /// The hosted user who is to be billed.
        let hostedUser: String?
    }

    enum Upgraded: Sendable {
        case http(HTTPChannel)
        case relay(FrameChannel, Request)
    }

    /// The answer to a request of the relay's path that is no upgrade (RFC 9110 §15.5.22, RFC 6455 §4.4).
    static var upgradeRequired: Response {
        var headers: HTTPFields = [.upgrade: "websocket"]
        if let version = HTTPField.Name("Sec-WebSocket-Version") { headers[version] = "13" }
        return Response(status: .upgradeRequired, headers: headers)
    }

    struct Value: ServerChildChannelValue {
        let upgraded: EventLoopFuture<Upgraded>
        let channel: any Channel
    }

    let http: HTTP1Channel
    let isSecure: Bool
    let onRelay: @Sendable (FrameChannel, Request, Logger) async -> Void

    init(
        responder: @escaping HTTPChannelHandler.Responder, isSecure: Bool,
        onRelay: @escaping @Sendable (FrameChannel, Request, Logger) async -> Void
    ) {
        http = HTTP1Channel(responder: responder)
        self.isSecure = isSecure
        self.onRelay = onRelay
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let upgrader = NIOTypedWebSocketServerUpgrader<Upgraded>(
                // One byte more than a receiver must take, so that the session itself can refuse by name.
                maxFrameSize: RelayProtocol.audioFrameBytesMax + 16,
                shouldUpgrade: { channel, head in
                    let headers = UpgradeFilter.isRelay(head.uri) ? HTTPHeaders() : nil
                    return channel.eventLoop.makeSucceededFuture(headers)
                },
                upgradePipelineHandler: { channel, head in
                    let request = Request(hostedUser: head.headers.first(name: RelayProtocol.hostedUserHeader))
                    return channel.eventLoop.makeCompletedFuture { .relay(try Self.relayChannel(channel), request) }
                })
            let configuration = NIOUpgradableHTTPServerPipelineConfiguration<Upgraded>(
                upgradeConfiguration: .init(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.eventLoop.makeCompletedFuture { .http(try httpChannel(channel, logger)) }
                    }))
            let upgraded = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                configuration: configuration)
            let pipeline = channel.pipeline.syncOperations
            let upgradeHandler = try pipeline.context(handlerType: NIOTypedHTTPServerUpgradeHandler<Upgraded>.self)
            try pipeline.addHandler(HeadDeadline(), position: .before(upgradeHandler.handler))
            try pipeline.addHandler(UpgradeFilter(), position: .before(upgradeHandler.handler))
            return Value(upgraded: upgraded, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        // A connection that ends before its first request fails here: nothing to answer.
        guard let upgraded = try? await value.upgraded.get() else {
            value.channel.close(promise: nil)
            return
        }
        switch upgraded {
        case .http(let channel): await http.handle(value: channel, logger: logger)
        case .relay(let channel, let request): await onRelay(channel, request, logger)
        }
    }

    private static func relayChannel(_ channel: any Channel) throws -> FrameChannel {
        try channel.pipeline.syncOperations.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                maxAccumulatedFrameSize: RelayProtocol.audioFrameBytesMax + 16))
        try channel.pipeline.syncOperations.addHandler(ArrivalStamp())
        // A busy worker must not make the channel stop reading at once: what waits in the socket meanwhile would look
        // like a burst. Four seconds of packets wait here at most, then back-pressure reaches the client.
        return try FrameChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: .init(lowWatermark: 128, highWatermark: 256)))
    }

    private func httpChannel(_ channel: any Channel, _ logger: Logger) throws -> HTTPChannel {
        try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: isSecure))
        try channel.pipeline.syncOperations.addHandler(BodyDeadline())
        try channel.pipeline.syncOperations.addHandler(
            HTTPConnectionStateHandler(idleTimeout: .seconds(60), logger: logger))
        return try HTTPChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }
}

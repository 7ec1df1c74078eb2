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
    /// How late this process itself was: the event loop stood still for so long before it read.
    let lateness: TimeAmount
}

/// When an event loop was last seen alive.
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

    /// By how much the loop missed its ticks since the last arrival.
    func takeLateness(_ now: NIODeadline) -> TimeAmount {
        noteTick(now)
        return .nanoseconds(missed.exchange(0, ordering: .relaxed))
    }
}

private final class ArrivalStamp: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = FrameArrival

    private let clock = LoopClock()
    private var ticking: RepeatedTask?

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
        let arrival = FrameArrival(frame: unwrapInboundIn(data), time: now, lateness: clock.takeLateness(now))
        context.fireChannelRead(wrapInboundOut(arrival))
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

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        if case .head(var head) = part, !Self.isRelay(head.uri) {
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

    enum Upgraded: Sendable {
        case http(HTTPChannel)
        case relay(FrameChannel, externalUserID: String?)
    }

    struct Value: ServerChildChannelValue {
        let upgraded: EventLoopFuture<Upgraded>
        let channel: any Channel
    }

    let http: HTTP1Channel
    let isSecure: Bool
    /// With the `X-Quota-User` of the upgrade.
    let onRelay: @Sendable (FrameChannel, String?, Logger) async -> Void

    init(
        responder: @escaping HTTPChannelHandler.Responder, isSecure: Bool,
        onRelay: @escaping @Sendable (FrameChannel, String?, Logger) async -> Void
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
                    channel.eventLoop.makeCompletedFuture {
                        .relay(
                            try Self.relayChannel(channel), externalUserID: head.headers.first(name: "X-Quota-User"))
                    }
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
        case .relay(let channel, let user): await onRelay(channel, user, logger)
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

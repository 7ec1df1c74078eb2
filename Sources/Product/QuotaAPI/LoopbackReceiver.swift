import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Waits on 127.0.0.1 for the browser to come back with the answer of a sign-in (RFC 8252 §7.3).
struct LoopbackReceiver: Sendable {
    fileprivate typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    /// What a callback means, and the page for it; `nil` for one that is not this sign-in's.
    typealias Judge<Value> =
        @Sendable (_ callback: String) async -> (verdict: Result<Value, any Error>, page: SignInPage)?

    static let path = "/callback"
    private static let connectionsMax = 32

    let redirectURI: String
    fileprivate let server: NIOAsyncChannel<Connection, Never>
    fileprivate let port: Int

    /// Takes a free port.
    static func listen() async throws -> LoopbackReceiver {
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup).serverChannelOption(
            .socketOption(.so_reuseaddr), value: 1)
        let server: NIOAsyncChannel<Connection, Never>
        do {
            server = try await bootstrap.bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        } catch {
            throw SignInError.cannotListen
        }
        guard let port = server.channel.localAddress?.port else { throw SignInError.cannotListen }
        return LoopbackReceiver(redirectURI: "http://127.0.0.1:\(port)\(path)", server: server, port: port)
    }

    /// Gives the port back when nothing will be received.
    func close() async {
        try? await server.channel.close()
    }

    /// Serves until `judge` takes a callback, and gives its verdict. Requests that are none get a page that says so:
    /// another program on this machine must not be able to end the sign-in.
    ///
    /// - Parameter judge: `nil` to go on waiting.
    func receive<Value: Sendable>(
        _ judge: @escaping Judge<Value>
    ) async throws -> Value {
        try await server.executeThenClose { connections in
            let (verdicts, continuation) = AsyncStream.makeStream(of: Result<Value, any Error>.self)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let open = OpenCount()
                    try await withThrowingDiscardingTaskGroup { inner in
                        for try await connection in connections {
                            inner.addTask {
                                // A browser opens a few; more is someone who floods.
                                let isServed = open.increment() <= Self.connectionsMax
                                if isServed { await serve(connection, judge) { continuation.yield($0) } }
                                open.decrement()
                            }
                        }
                    }
                }
                defer { group.cancelAll() }
                for await verdict in verdicts { return try verdict.get() }
                throw CancellationError()
            }
        }
    }

    private final class OpenCount: Sendable {
        private let value = Mutex(0)

        func increment() -> Int {
            value.withLock { value in
                value += 1
                return value
            }
        }

        func decrement() {
            value.withLock { $0 -= 1 }
        }
    }

    /// Answers one request. The verdict is told as soon as the page is written: a browser that closes first makes the
    /// rest of the connection fail, which says nothing of the sign-in.
    private func serve<Value: Sendable>(
        _ connection: Connection, _ judge: @escaping Judge<Value>,
        _ tell: @escaping @Sendable (Result<Value, any Error>) -> Void
    ) async {
        let nothing = QuotaError.transport(
            QuotaTransportError(kind: .timedOut, endpoint: "127.0.0.1", mayHaveExecuted: false))
        // Whoever connects and says nothing is let go.
        try? await withDeadline(.seconds(60), elapsed: nothing) {
            try await connection.executeThenClose { inbound, outbound in
                for try await part in inbound {
                    guard case .head(let head) = part else { continue }
                    var verdict: Result<Value, any Error>?
                    var page = isCallback(head) ? SignInPage.foreign : .notHere
                    if isCallback(head), let judged = await judge(head.uri) { (verdict, page) = judged }
                    defer { if let verdict { tell(verdict) } }
                    try await outbound.write(.head(page.head))
                    try await outbound.write(.body(.byteBuffer(ByteBuffer(string: page.html))))
                    try await outbound.write(.end(nil))
                    return
                }
            }
        }
    }

    private func isCallback(_ head: HTTPRequestHead) -> Bool {
        // A page of another site can send a browser here by a name of its own (DNS rebinding); the host tells.
        head.method == .GET && head.uri.split(separator: "?", maxSplits: 1).first.map(String.init) == Self.path
            && head.headers["Host"] == ["127.0.0.1:\(port)"]
    }
}

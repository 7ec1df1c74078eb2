import Glibc
import VoiceRealtime

/// What a read gave.
public enum StreamReadResult: Sendable, Hashable {
    /// So many bytes, at least one.
    case bytes(Int)
    /// Nothing now: poll.
    case wouldBlock
    /// The peer has sent all it will. With TLS, `clean` says whether it said so (close_notify), or the connection was
    /// cut, perhaps by somebody in between; without TLS the end is always called clean, for nothing can tell.
    case endOfStream(clean: Bool)
}

/// A connected byte stream: TCP or a Unix socket, with or without TLS, perhaps through a proxy.
///
/// Threads: one at a time owns it; it can't be shared. Blocking: `connect` alone; all else returns at once.
/// Ownership: it closes its descriptor when it is closed or freed. SIGPIPE is never raised.
public final class SecureStream {
    /// What was agreed on, for logs and diagnostics.
    public struct Summary: Sendable, Hashable {
        /// The peer's (or the proxy's) numeric address and port; empty for a Unix socket.
        public var remoteAddress = ""
        /// `host:port` of the proxy; empty without one.
        public var proxy = ""
        /// "TLSv1.3", empty without TLS.
        public var tlsVersion = ""
        public var tlsCipher = ""
        public var isResumed = false
        /// The protocol that the server chose by ALPN; empty for none.
        public var alpn = ""
    }

    /// The socket, for poll; -1 after `close`.
    public private(set) var descriptor: Int32
    public private(set) var summary = Summary()

    private let peer: String
    private let cache: StreamSessionCache?
    private var channel: TLSChannel?
    private var hasShutDown = false
    private var hasEndedSending = false

    private init(descriptor: Int32, peer: String, cache: StreamSessionCache?) {
        self.descriptor = descriptor
        self.peer = peer
        self.cache = cache
        summary.remoteAddress = Socket.peerText(descriptor)
    }

    deinit {
        close()
    }

    /// Connects, with everything that has to be right before the first byte of the application.
    ///
    /// Blocks until done, at most until `deadline`. Cancelled when the descriptor `wake` (an eventfd; -1 for none) is
    /// readable; it is not drained. Name lookups that hang are left behind on threads of their own.
    public static func connect(
        to endpoint: StreamEndpoint, options: StreamOptions, deadline: MonotonicTime, wake: Int32
    ) throws(StreamError) -> SecureStream {
        try connect(to: endpoint, options: options, deadline: deadline, wake: wake, resolver: .system)
    }

    /// `connect` with another source of addresses, for tests.
    package static func connect(
        to endpoint: StreamEndpoint, options: StreamOptions, deadline: MonotonicTime, wake: Int32,
        resolver: NameResolver
    ) throws(StreamError) -> SecureStream {
        let waiter = Waiter(deadline: deadline, wake: wake)
        let peer = endpoint.description
        switch endpoint.place {
        case .unix(let path):
            return try connect(unixPath: path, peer: peer, options: options, waiter: waiter)
        case .network(let host, let port, let isTLS):
            guard isValidHost(host), (1...65535).contains(port) else { throw StreamError(.badAddress, peer: peer) }
            let proxy = try chooseProxy(host: host, port: port, isTLS: isTLS, setting: options.proxy, peer: peer)
            let dialPeer = proxy.map { "proxy \($0) (for \(peer))" } ?? peer
            let descriptor = try Dialer.dial(
                host: proxy?.host ?? host, port: proxy?.port ?? port, peer: dialPeer, resolver: resolver,
                waiter: waiter, until: waiter.limit(after: options.connectTimeoutNanoseconds))
            if let bytes = options.sendBufferBytes { Socket.setSendBuffer(descriptor, bytes: bytes) }
            if options.sendsNothingAhead { Socket.sendNothingAhead(descriptor) }
            let stream = SecureStream(descriptor: descriptor, peer: peer, cache: options.sessionCache)
            if let proxy {
                try ProxyTunnel.open(
                    descriptor, through: proxy, to: host, port: port, peer: dialPeer, waiter: waiter,
                    until: waiter.limit(after: options.proxyTimeoutNanoseconds))
                stream.summary.proxy = proxy.description
            }
            if isTLS {
                try stream.startTLS(host: host, port: port, options: options, waiter: waiter)
            }
            return stream
        }
    }

    private static func chooseProxy(
        host: String, port: Int, isTLS: Bool, setting: StreamProxySetting, peer: String
    ) throws(StreamError) -> StreamProxy? {
        switch setting {
        case .none: nil
        case .environment: try ProxyEnvironment.proxy(host: host, port: port, isTLS: isTLS, peer: peer)
        case .explicit(let proxy): proxy
        }
    }

    private static func connect(
        unixPath: String, peer: String, options: StreamOptions, waiter: Waiter
    ) throws(StreamError) -> SecureStream {
        guard let address = SocketAddress(unixPath: unixPath) else { throw StreamError(.badAddress, peer: peer) }
        let descriptor = Socket.open(family: AF_UNIX)
        guard descriptor >= 0 else { throw StreamError(.other(errno), peer: peer) }
        let stream = SecureStream(descriptor: descriptor, peer: peer, cache: nil)
        let limit = waiter.limit(after: options.connectTimeoutNanoseconds)
        while address.withPointer({ Glibc.connect(descriptor, $0, $1) }) != 0 {
            let code = errno
            // A Unix socket whose backlog is full answers EAGAIN, and poll can't wait for room: try again shortly.
            guard code == EAGAIN || code == EINTR else {
                throw StreamError(code == ENOENT ? .refused : StreamError.cause(errno: code), peer: peer)
            }
            var none: [pollfd] = []
            if waiter.wait(&none, until: monotonicNow().advanced(byNanoseconds: .milliseconds(5))) == .cancelled {
                throw StreamError(.cancelled, peer: peer)
            }
            guard monotonicNow() < limit else { throw StreamError(.timedOut(.connect), peer: peer) }
        }
        return stream
    }

    private func startTLS(host: String, port: Int, options: StreamOptions, waiter: Waiter) throws(StreamError) {
        let channel = try TLSChannel(descriptor: descriptor, host: host, port: port, options: options, peer: peer)
        try channel.handshake(options: options, waiter: waiter)
        self.channel = channel
        summary.tlsVersion = channel.version
        summary.tlsCipher = channel.cipher
        summary.isResumed = channel.isResumed
        summary.alpn = channel.alpn
    }

    /// What to poll the descriptor for: POLLIN, and POLLOUT while encrypted bytes wait for the socket. To that the
    /// caller adds POLLOUT when it has bytes to write. On POLLOUT with nothing to write, call `read`: it sends too.
    public var pollEvents: Int16 {
        Int16(POLLIN) | (channel?.hasPendingOutput == true ? Int16(POLLOUT) : 0)
    }

    /// Whether the kernel would take bytes at once, and none wait here; also true of a connection that has failed, so that
    /// the next write tells.
    public var hasRoom: Bool {
        descriptor >= 0 && channel?.hasPendingOutput != true && Socket.hasRoom(descriptor)
    }

    /// Whether decrypted bytes wait here, which poll can't know of: read again before polling.
    public var hasBufferedInput: Bool { channel?.hasBufferedInput ?? false }

    /// Reads what is there. An empty buffer gives `.wouldBlock`.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> StreamReadResult {
        guard descriptor >= 0 else { throw StreamError(.closed, peer: peer) }
        guard buffer.count > 0 else { return .wouldBlock }
        if let channel {
            let result = try channel.read(into: buffer)
            endSendingIfFlushed()
            return result
        }
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream(clean: true) }
            if errno == EAGAIN || errno == EWOULDBLOCK { return .wouldBlock }
            if errno != EINTR { throw StreamError(StreamError.cause(errno: errno), peer: peer) }
        }
    }

    /// Sends the first bytes of the buffer. Returns how many were taken; 0 when it would block.
    ///
    /// Taken bytes are on their way (with TLS, up to one record of them waits here for the socket: see `pollEvents`);
    /// the others may be changed or dropped before the next call.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int {
        guard descriptor >= 0, !hasShutDown else { throw StreamError(.closed, peer: peer) }
        guard bytes.count > 0 else { return 0 }
        if let channel { return try channel.write(bytes) }
        switch Socket.send(descriptor, bytes) {
        case .success(let count): return count
        case .failure(let error): throw StreamError(StreamError.cause(errno: error.code), peer: peer)
        }
    }

    /// Ends the sending half: close_notify with TLS, then FIN. Reading goes on; writing throws.
    public func shutdownSend() {
        guard descriptor >= 0, !hasShutDown else { return }
        hasShutDown = true
        channel?.sendClose()
        endSendingIfFlushed()
    }

    private func endSendingIfFlushed() {
        guard hasShutDown, !hasEndedSending, channel?.hasPendingOutput != true else { return }
        hasEndedSending = true
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes at once, without waiting for the peer. Calling it again does nothing.
    public func close() {
        guard descriptor >= 0 else { return }
        if let channel {
            if let cache { channel.keepSession(in: cache) }
            self.channel = nil
        }
        Glibc.close(descriptor)
        descriptor = -1
    }
}

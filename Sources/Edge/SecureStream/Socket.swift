import CRealtime
import Glibc

// glibc's headers give these to C only under names Swift doesn't see on every version.
private let tcpUserNotSentLowWater: Int32 = 25  // TCP_NOTSENT_LOWAT, linux/tcp.h

/// Makes the sockets of this module: non-blocking, closed on exec, with the options a live voice needs.
enum Socket {
    /// Unsent bytes above this make the socket not writable: what waits longer, waits where it can still be dropped.
    static let notSentLowWaterBytes: Int32 = 4096

    /// A new socket, or -1 with errno set.
    static func open(family: Int32) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { return -1 }
        if family == AF_INET || family == AF_INET6 {
            set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            set(descriptor, Int32(IPPROTO_TCP), tcpUserNotSentLowWater, notSentLowWaterBytes)
            set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
            set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30)
            set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10)
            set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
        }
        return descriptor
    }

    /// None of these options is a condition for a correct connection, so a failure is not an error.
    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Bounds what the kernel holds. It doubles the value for its bookkeeping, hence the half.
    static func setSendBuffer(_ descriptor: Int32, bytes: Int) {
        set(descriptor, SOL_SOCKET, SO_SNDBUF, Int32(clamping: bytes / 2))
    }

    /// Makes the socket writable only once all that was given to it has been sent (not: acknowledged).
    static func sendNothingAhead(_ descriptor: Int32) {
        set(descriptor, Int32(IPPROTO_TCP), tcpUserNotSentLowWater, 1)
    }

    /// Whether the kernel would take bytes at once.
    static func hasRoom(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 0) != 0
    }

    /// The socket's pending error, 0 when there is none.
    static func pendingError(_ descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    /// Sends without SIGPIPE. Returns the bytes taken, 0 when it would block, or the errno.
    ///
    /// Asks poll first: Linux looks at TCP_NOTSENT_LOWAT only where a new segment buffer begins, so a send of a small
    /// piece is taken until 64 KiB wait unsent, whatever the low-water mark says (seen with 6.18). poll obeys it.
    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Result<Int, SocketError> {
        while true {
            guard hasRoom(descriptor) else { return .success(0) }
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .success(count) }
            if errno == EAGAIN || errno == EWOULDBLOCK { return .success(0) }
            if errno != EINTR { return .failure(SocketError(code: errno)) }
        }
    }

    /// Whether a TCP socket is connected to itself, which a port without a listener can lead to on loopback.
    static func isSelfConnected(_ descriptor: Int32) -> Bool {
        guard let local = name(descriptor, getsockname), let remote = name(descriptor, getpeername) else {
            return false
        }
        return local.family != AF_UNIX && local.text == remote.text
    }

    /// The peer's address and port, for people.
    static func peerText(_ descriptor: Int32) -> String {
        name(descriptor, getpeername)?.text ?? ""
    }

    private static func name(
        _ descriptor: Int32,
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard call(descriptor, address, &length) == 0 else { return nil }
                return SocketAddress(copying: address, length: length)
            }
        }
    }
}

/// An errno as an error.
struct SocketError: Error {
    let code: Int32
}

import Glibc
import VoiceRealtime

/// The CONNECT exchange with a proxy (RFC 9110 §9.3.6) on a connected socket.
enum ProxyTunnel {
    /// A longer answer is taken for something that is no proxy.
    static let answerBytesMax = 16384

    /// Asks the proxy for a tunnel to `host` and `port`. Afterwards the descriptor's next byte is the host's.
    static func open(
        _ descriptor: Int32, through proxy: StreamProxy, to host: String, port: Int, peer: String, waiter: Waiter,
        until limit: MonotonicTime
    ) throws(StreamError) {
        let target = hostAndPort(host, port)
        var request = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
        if let authorization = proxy.authorization {
            request += "Proxy-Authorization: \(authorization)\r\n"
        }
        try send(Array((request + "\r\n").utf8), descriptor, peer: peer, waiter: waiter, until: limit)
        let head = try receiveHead(descriptor, peer: peer, waiter: waiter, until: limit)
        let code = status(head)
        guard (200...299).contains(code) else { throw StreamError(.proxyRefused(status: code), peer: peer) }
    }

    private static func send(
        _ bytes: [UInt8], _ descriptor: Int32, peer: String, waiter: Waiter, until limit: MonotonicTime
    ) throws(StreamError) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes {
                Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }
            switch result {
            case .success(let count): sent += count
            case .failure(let error): throw StreamError(StreamError.cause(errno: error.code), peer: peer)
            }
            if sent < bytes.count {
                try waiter.require(descriptor, Int16(POLLOUT), until: limit, phase: .proxy, peer: peer)
            }
        }
    }

    /// Receives up to the empty line and not a byte further, for what follows belongs to the tunnel.
    private static func receiveHead(
        _ descriptor: Int32, peer: String, waiter: Waiter, until limit: MonotonicTime
    ) throws(StreamError) -> [UInt8] {
        var head: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 2048)
        while true {
            try waiter.require(descriptor, Int16(POLLIN), until: limit, phase: .proxy, peer: peer)
            let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_PEEK))
            guard count != 0 else { throw StreamError(.truncated, peer: peer) }
            guard count > 0 else {
                if errno == EAGAIN || errno == EINTR { continue }
                throw StreamError(StreamError.cause(errno: errno), peer: peer)
            }
            let before = head.count
            head += chunk[..<count]
            let end = endOfHead(head, from: max(before - 3, 0))
            recv(descriptor, &chunk, (end ?? head.count) - before, 0)
            if let end { return Array(head[..<end]) }
            guard head.count <= answerBytesMax, Array("HTTP/1.".utf8).starts(with: head.prefix(7)) else {
                throw StreamError(.proxyRefused(status: 0), peer: peer)
            }
        }
    }

    /// The index after the first CR LF CR LF that begins at `start` or later.
    private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= start + 4 else { return nil }
        return (start...bytes.count - 4).first { bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }.map { $0 + 4 }
    }

    /// The status of `HTTP/1.x NNN`, 0 for anything else (RFC 9112 §4).
    private static func status(_ head: [UInt8]) -> Int {
        let line = head.prefix { $0 != 13 && $0 != 10 }
        guard line.starts(with: Array("HTTP/1.".utf8)), line.count >= 12, line[8] == 32,
            line.count == 12 || line[12] == 32, let code = Int(String(decoding: line[9..<12], as: UTF8.self)),
            (100...599).contains(code)
        else { return 0 }
        return code
    }
}

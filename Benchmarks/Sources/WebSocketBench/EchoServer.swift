import Glibc
import VoiceWebSocket

/// A plain echo server on loopback for both clients: one thread for each connection, frames sent back as they are cut.
final class EchoServer {
    let port: Int

    init() {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        precondition(isListening, "no loopback port")
        port = Int(UInt16(bigEndian: address.sin_port))
        Self.thread(listener) { listener in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Self.thread(connection, Self.serve)
            }
        }
    }

    private final class Body {
        let descriptor: Int32
        let run: @Sendable (Int32) -> Void
        init(_ descriptor: Int32, _ run: @escaping @Sendable (Int32) -> Void) {
            (self.descriptor, self.run) = (descriptor, run)
        }
    }

    private static func thread(_ descriptor: Int32, _ run: @escaping @Sendable (Int32) -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(descriptor, run))
        pthread_create(
            &thread, nil,
            { @Sendable context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                body.run(body.descriptor)
                return nil
            }, body.toOpaque())
        pthread_detach(thread)
    }

    @Sendable private static func serve(_ descriptor: Int32) {
        defer { close(descriptor) }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        func read() -> Bool {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            bytes.append(contentsOf: buffer[..<count])
            return true
        }
        func write(_ bytes: [UInt8]) {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes { source in
                    send(descriptor, source.baseAddress.map { $0 + sent }, source.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
        }
        while bytes.firstRange(of: [13, 10, 13, 10]) == nil { guard read() else { return } }
        let head = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let line = head.first { $0.lowercased().hasPrefix("sec-websocket-key:") } ?? ""
        let key = String(line.dropFirst(18).drop { $0 == " " })
        bytes = []
        let accept = HandshakeRequest.accept(forKey: key)
        write(
            Array(
                "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(accept)\r\n\r\n"
                    .utf8))
        var out: [UInt8] = []
        while read() {
            var used = 0
            while let frame = echo(bytes[used...], into: &out) { used += frame }
            bytes.removeFirst(used)
            write(out)
            out.removeAll(keepingCapacity: true)
        }
    }

    /// Appends the unmasked frame at the beginning of `bytes`; returns its masked length, nil when it is not complete.
    private static func echo(_ bytes: ArraySlice<UInt8>, into out: inout [UInt8]) -> Int? {
        let start = bytes.startIndex
        guard bytes.count >= 2 else { return nil }
        var length = Int(bytes[start + 1] & 127)
        let extra = length == 126 ? 2 : length == 127 ? 8 : 0
        let headerBytes = 2 + extra + 4
        guard bytes.count >= headerBytes else { return nil }
        if extra > 0 { length = bytes[(start + 2)..<(start + 2 + extra)].reduce(0) { $0 << 8 | Int($1) } }
        guard bytes.count >= headerBytes + length else { return nil }
        let opcode = bytes[start] & 15
        out.append(opcode == 9 ? bytes[start] & 0xF0 | 10 : bytes[start])
        out.append(bytes[start + 1] & 127)
        out.append(contentsOf: bytes[(start + 2)..<(start + 2 + extra)])
        let at = out.count
        out.append(contentsOf: bytes[(start + headerBytes)..<(start + headerBytes + length)])
        let key = bytes[(start + headerBytes - 4)..<(start + headerBytes)].reversed().reduce(UInt32(0)) {
            $0 << 8 | UInt32($1)
        }
        out.withUnsafeMutableBytes { memory in
            let payload = UnsafeMutableRawBufferPointer(rebasing: memory[at...])
            if let base = payload.baseAddress { Masking.copy(UnsafeRawBufferPointer(payload), to: base, key: key) }
        }
        return headerBytes + length
    }
}

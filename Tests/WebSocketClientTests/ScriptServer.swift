import CRealtime
import Glibc
import VoiceWebSocket

/// A server on loopback that does what its script says, right or wrong, on one thread for each connection.
final class ScriptServer: Sendable {
    let port: Int

    /// Accepts any number of connections until the process ends; the script gets each with its number.
    init(_ script: @escaping @Sendable (ScriptConnection, Int) -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> Int in
                let isBound = bind(listener, pointer, length) == 0 && listen(listener, 16) == 0
                precondition(isBound && getsockname(listener, pointer, &length) == 0, "no loopback port")
                return 0
            } + Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        self.port = port
        ScriptServer.thread {
            var number = 0
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else {
                    // A connection that went away in the queue, or no descriptor free for the moment.
                    usleep(1000)
                    continue
                }
                let connection = ScriptConnection(descriptor)
                let index = number
                number += 1
                ScriptServer.thread {
                    script(connection, index)
                    connection.close()
                }
            }
        }
    }

    var url: String { "ws://127.0.0.1:\(port)/" }

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }

        /// No signal interrupts what the thread waits for.
        func start() {
            crt_block_signals()
            run()
        }
    }

    private static func thread(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        pthread_create(
            &thread, nil,
            { @Sendable context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().start() }
                return nil
            }, body.toOpaque())
        pthread_detach(thread)
    }
}

/// The server's end of one connection. Blocking; reads give up after ten minutes, for a test may stand still for long.
final class ScriptConnection: @unchecked Sendable {
    private var descriptor: Int32
    private var unread: [UInt8] = []
    private(set) var request = ""

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 600, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Makes the kernel take little, so that a peer that is not read is soon held back.
    func shrinkReceiveBuffer() {
        var bytes: Int32 = 4096
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Reads nothing and says nothing until the test is long over.
    func hold() {
        var left: UInt32 = 600
        while left > 0 { left = sleep(left) }
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Ends the sending half: FIN.
    func endSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends with RST instead of FIN, once the client's kernel has all that was written.
    func reset() {
        var unacknowledged: Int32 = 0
        let siocoutq: UInt = 0x5411
        for _ in 0..<60_000 {
            guard ioctl(descriptor, siocoutq, &unacknowledged) == 0, unacknowledged > 0 else { break }
            usleep(1000)
        }
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Reads once; false at the end.
    @discardableResult
    func readMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count: Int
        repeat { count = recv(descriptor, &buffer, buffer.count, 0) } while count < 0 && errno == EINTR
        guard count > 0 else { return false }
        unread += buffer[..<count]
        return true
    }

    func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                send(descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    /// Reads the upgrade request.
    func readRequest() {
        while true {
            if let end = unread.firstRange(of: Array("\r\n\r\n".utf8)) {
                request = String(decoding: unread[..<end.upperBound], as: UTF8.self)
                unread.removeSubrange(..<end.upperBound)
                return
            }
            guard readMore() else { return }
        }
    }

    /// The value of a header of the request.
    func header(_ name: String) -> String? {
        for line in request.split(separator: "\r\n") where line.lowercased().hasPrefix(name.lowercased() + ":") {
            return String(line.dropFirst(name.count + 1).drop { $0 == " " })
        }
        return nil
    }

    /// Reads the request and upgrades.
    func upgrade(more: String = "", thenFrames: [UInt8] = []) {
        readRequest()
        let accept = HandshakeRequest.accept(forKey: header("Sec-WebSocket-Key") ?? "")
        let head = "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        write(Array((head + "Sec-WebSocket-Accept: \(accept)\r\n\(more)\r\n").utf8) + thenFrames)
    }

    struct Frame {
        var opcode: UInt8
        var isFinal: Bool
        var payload: [UInt8]
    }

    /// The client's next frame, unmasked. nil at the end of the stream.
    func readFrame() -> Frame? {
        while true {
            if let frame = takeFrame() { return frame }
            guard readMore() else { return nil }
        }
    }

    private func takeFrame() -> Frame? {
        guard unread.count >= 2 else { return nil }
        var length = Int(unread[1] & 127)
        let extra = length == 126 ? 2 : length == 127 ? 8 : 0
        guard unread.count >= 2 + extra + 4 else { return nil }
        if extra > 0 { length = unread[2..<(2 + extra)].reduce(0) { $0 << 8 | Int($1) } }
        let start = 2 + extra + 4
        guard unread.count >= start + length else { return nil }
        let key = Array(unread[(2 + extra)..<start])
        let payload = (0..<length).map { unread[start + $0] ^ key[$0 % 4] }
        let frame = Frame(opcode: unread[0] & 15, isFinal: unread[0] >= 128, payload: payload)
        unread.removeFirst(start + length)
        return frame
    }

    /// Sends a frame of the server.
    func frame(_ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true) {
        write(Self.frameBytes(opcode, payload, isFinal: isFinal))
    }

    static func frameBytes(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        var header = [opcode | (isFinal ? 0x80 : 0)]
        switch payload.count {
        case ..<126: header.append(UInt8(payload.count))
        case ...0xFFFF: header += [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        case _: header += [127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return header + payload
    }

    /// Echoes messages, answers pings and the Close, until the end.
    func echo() {
        while let frame = readFrame() {
            switch frame.opcode {
            case 8:
                self.frame(8, frame.payload)
                return
            case 9: self.frame(10, frame.payload)
            case 10: break
            case _: self.frame(frame.opcode, frame.payload, isFinal: frame.isFinal)
            }
        }
    }
}

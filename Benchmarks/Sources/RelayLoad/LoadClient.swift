import Foundation

/// One session as a client sees it, without blocking: connects, says who it is, sends a frame every 20 ms, and notes when
/// each came back.
final class LoadClient {
    enum Phase { case connecting, upgrading, authenticating, ready, closed }

    let descriptor: Int32
    let number: Int
    private(set) var phase = Phase.connecting
    /// The number of the Close that came, 1006 when the connection broke without one.
    private(set) var closeCode: Int?
    private(set) var closeReason = ""
    private(set) var hasDone = false
    /// Seconds from a frame's departure to its answer's arrival.
    private(set) var delays: [Float] = []
    private(set) var framesSent = 0
    private(set) var framesBack = 0
    var nextSend = Double.infinity
    var noteDelays = false
    private let subject: LoadSubject
    private var sent: [Double] = []
    private var bytes: [UInt8] = []
    private let offset: Int

    /// - Parameters:
    ///   - offset: the frame to begin with.
    ///   - number: of the session, for whoever treats them differently.
    init(_ subject: LoadSubject, port: UInt16, offset: Int, number: Int = 0) {
        self.number = number
        self.subject = subject
        self.offset = offset
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    deinit {
        drop()
    }

    /// The connection breaks without a word.
    func drop() {
        if phase != .closed { close(descriptor) }
        phase = .closed
    }

    /// A masked frame whose key is zero.
    static func frame(opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        return [0x80 | opcode] + length + [0, 0, 0, 0] + payload
    }

    func say(_ text: String) {
        write(Self.frame(opcode: 1, Array(text.utf8)))
    }

    /// A control or sound frame is small: what the socket does not take at once counts as a broken session.
    private func write(_ data: [UInt8]) {
        guard phase != .closed else { return }
        if send(descriptor, data, data.count, Int32(MSG_NOSIGNAL)) != data.count { broke() }
    }

    private func broke() {
        if closeCode == nil {
            closeCode = 1006
            closeReason = "in \(phase), errno \(errno)"
        }
        drop()
    }

    /// Sends what is due.
    func turn(_ now: Double) {
        guard phase == .ready, now >= nextSend else { return }
        // As a microphone does that was held up: what is too old is dropped, and no burst above the ceiling is sent.
        if now - nextSend > 0.2 { nextSend = now }
        sent.append(now)
        write(subject.frames[(offset + framesSent) % subject.frames.count])
        framesSent += 1
        nextSend += 0.02
    }

    /// The socket has something, or is connected.
    func woke(_ now: Double) {
        if phase == .connecting {
            phase = .upgrading
            let head =
                "GET /v1/audio/voice-conversion HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            return write(Array(head.utf8))
        }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while phase != .closed {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                if count == 0 || (errno != EAGAIN && errno != EINTR) { broke() }
                break
            }
            bytes.append(contentsOf: buffer[..<count])
            if count < buffer.count { break }
        }
        parse(now)
    }

    private func parse(_ now: Double) {
        if phase == .upgrading {
            guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else { return }
            guard bytes.starts(with: Array("HTTP/1.1 101".utf8)) else { return broke() }
            bytes.removeFirst(end.upperBound)
            phase = .authenticating
            say(
                "{\"type\":\"auth\",\"token\":\"\(Served.key)\",\"model\":\"elevenlabs/voice-conversion-v1\","
                    + "\"voice\":\"\(subject.voice)\",\"format\":\"\(subject.format)\",\"max_duration_seconds\":3600}")
        }
        var start = 0
        while phase != .closed, bytes.count - start >= 2 {
            var length = Int(bytes[start + 1] & 127)
            var head = 2
            if length == 126 {
                guard bytes.count - start >= 4 else { break }
                length = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
                head = 4
            }
            guard bytes.count - start >= head + length else { break }
            take(bytes[start] & 15, bytes[(start + head)..<(start + head + length)], now)
            start += head + length
        }
        bytes.removeFirst(start)
    }

    private func take(_ opcode: UInt8, _ payload: ArraySlice<UInt8>, _ now: Double) {
        switch opcode {
        case 1:
            if payload.firstRange(of: Array("\"ready\"".utf8)) != nil {
                phase = .ready
                nextSend = now
            } else if payload.firstRange(of: Array("\"done\"".utf8)) != nil {
                hasDone = true
            }
        case 2:
            // Each frame of 20 ms is answered by one; a rest after `end` belongs to none.
            if framesBack < sent.count, noteDelays { delays.append(Float(now - sent[framesBack])) }
            framesBack += 1
        case 8:
            closeCode = payload.count >= 2 ? payload.prefix(2).reduce(0) { $0 << 8 | Int($1) } : 1005
            closeReason = String(decoding: payload.dropFirst(2), as: UTF8.self)
            write(Self.frame(opcode: 8, Array(payload)))
            drop()
        case 9: write(Self.frame(opcode: 10, Array(payload)))
        default: break
        }
    }
}

/// Many clients on one thread.
final class Crowd {
    var clients: [LoadClient] = []

    /// Lets them live for so long, or until `isOver`.
    func run(for seconds: Double, until isOver: () -> Bool = { false }) {
        let end = monotonicSeconds() + seconds
        while case let now = monotonicSeconds(), now < end, !isOver() {
            for client in clients { client.turn(now) }
            var wanted = clients.filter { $0.phase != .closed }.map { client in
                pollfd(fd: client.descriptor, events: Int16(client.phase == .connecting ? POLLOUT : POLLIN), revents: 0)
            }
            guard poll(&wanted, nfds_t(wanted.count), 2) > 0 else { continue }
            let arrived = monotonicSeconds()
            let open = clients.filter { $0.phase != .closed }
            for (client, entry) in zip(open, wanted) where entry.revents != 0 { client.woke(arrived) }
        }
    }
}

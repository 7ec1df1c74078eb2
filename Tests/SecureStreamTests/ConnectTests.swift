import Foundation
import Testing
import VoiceRealtime
import VoiceSecureStream

/// Reaching somebody: which address, how long, and how it is cancelled.
struct ConnectTests {
    /// A loopback listener whose queue is full: the kernel drops what else knocks, as a black hole does.
    final class BlackHole {
        let port: Int
        private var descriptors: [Int32] = []

        init() {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            descriptors.append(listener)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let port = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    bind(listener, generic, length)
                    listen(listener, 0)
                    getsockname(listener, generic, &length)
                }
                return Int(UInt16(bigEndian: pointer.pointee.sin_port))
            }
            self.port = port
            for number in 0..<4 {
                let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
                let filler = socket(AF_INET, flags, 0)
                descriptors.append(filler)
                withUnsafePointer(to: &address) { pointer in
                    _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(filler, $0, length) }
                }
                // The first one fills the queue: only when it is in there, nobody else gets an answer.
                var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                for _ in 0..<60 where number == 0 && entry.revents == 0 { poll(&entry, 1, 1000) }
            }
        }

        deinit {
            for descriptor in descriptors { close(descriptor) }
        }
    }

    /// A port of both families that nobody listens on, and nobody else gets while this object is there.
    final class ClosedPort {
        let port: Int
        private let descriptor: Int32

        init() throws {
            let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            // IPv4 too, on a machine that would keep them apart.
            var off: Int32 = 0
            setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
                }
            }
            self.descriptor = descriptor
            port = Int(UInt16(bigEndian: address.sin6_port))
            guard isBound else { throw TestServer.Failure(description: "no port of both families") }
        }

        deinit {
            close(descriptor)
        }
    }

    @Test func localhost_reaches_either_family() throws {
        let four = try TestServer.python("stream_server.py", ["hello", "--bind", "127.0.0.1"])
        let stream = try open(StreamEndpoint(host: "localhost", port: four.port, isTLS: false), .plain)
        #expect(stream.summary.remoteAddress == "127.0.0.1:\(four.port)")
        let six = try TestServer.python("stream_server.py", ["hello", "--bind", "::1"])
        let other = try open(StreamEndpoint(host: "LOCALHOST.", port: six.port, isTLS: false), .plain)
        #expect(other.summary.remoteAddress == "[::1]:\(six.port)")
    }

    @Test(arguments: [UInt64.max, UInt64.max / 2, UInt64.max / 2 + 2])
    func deadline_may_be_never(_ nanoseconds: UInt64) throws {
        let server = try TestServer.python("stream_server.py", ["hello"])
        var options = StreamOptions.plain
        options.connectTimeoutNanoseconds = .max
        let stream = try SecureStream.connect(
            to: StreamEndpoint(host: "127.0.0.1", port: server.port, isTLS: false), options: options,
            deadline: MonotonicTime(nanoseconds: nanoseconds), wake: -1)
        #expect(try stream.readAll().bytes == Array("hello".utf8))
    }

    @Test func closed_port_is_refused() throws {
        let closed = try ClosedPort()
        defer { withExtendedLifetime(closed) {} }
        let endpoint = StreamEndpoint(host: "localhost", port: closed.port, isTLS: true)
        let error = refusal(endpoint, .plain)
        #expect(error?.cause == .refused)
        #expect(error?.description.contains(endpoint.description) == true)
    }

    @Test func black_hole_times_out() {
        let hole = BlackHole()
        var options = StreamOptions.plain
        options.connectTimeoutNanoseconds = .milliseconds(300)
        let endpoint = StreamEndpoint(host: "127.0.0.1", port: hole.port, isTLS: false)
        #expect(refusal(endpoint, options)?.cause == .timedOut(.connect))
        #expect(refusal(endpoint, .plain, seconds: 1)?.cause == .timedOut(.connect))
        #expect(refusal(endpoint, .plain, seconds: 0)?.cause == .timedOut(.connect))
    }

    @Test func host_that_cannot_be_one_is_rejected() {
        let long = String(repeating: "a", count: 254)
        for host in ["", "a b", "re\u{0}lay.test", "rel\r\nay", "müller.example", long] {
            let error = refusal(StreamEndpoint(host: host, port: 443, isTLS: true), .plain)
            #expect(error?.cause == .badAddress)
            #expect(error?.description.contains { $0 == "\r\n" || $0 == "\n" || $0 == "\0" } == false)
        }
    }

    @Test(arguments: [0, -1, 65536, Int.max, Int.min])
    func port_that_cannot_be_one_is_rejected(_ port: Int) {
        #expect(refusal(StreamEndpoint(host: "localhost", port: port, isTLS: true), .plain)?.cause == .badAddress)
    }
}

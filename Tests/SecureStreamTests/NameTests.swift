import CRealtime
import Foundation
import Synchronization
import Testing
import VoiceRealtime
import VoiceSecureStream

/// Name lookups that are slow, hang, fail or give dead addresses. One at a time: their number in a process is bounded.
@Suite(.serialized)
struct NameTests {
    private func answering(six: [String], four: [String], ports: [String: Int]) -> NameResolver {
        NameResolver { _, port, family in
            let list = (family == .six ? six : four).compactMap { SocketAddress(literal: $0, port: ports[$0] ?? port) }
            return list.isEmpty ? .failure(EAI_NONAME) : .addresses(list)
        }
    }

    @Test func dead_first_addresses_are_passed_over() throws {
        let server = try TestServer.python("stream_server.py", ["hello"])
        let hole = ConnectTests.BlackHole()
        let closed = try ConnectTests.ClosedPort()
        defer { withExtendedLifetime((hole, closed)) {} }
        let ports = ["127.0.0.2": hole.port, "::1": closed.port]
        // Refused on IPv6, silent on the first IPv4, right on the second.
        let resolver = answering(six: ["::1"], four: ["127.0.0.2", "127.0.0.1"], ports: ports)
        let stream = try open(
            StreamEndpoint(host: "relay.test", port: server.port, isTLS: false), .plain, resolver: resolver)
        #expect(stream.summary.remoteAddress == "127.0.0.1:\(server.port)")
        #expect(try stream.readAll().bytes == Array("hello".utf8))
    }

    @Test func name_that_nobody_has_is_not_found() {
        let endpoint = StreamEndpoint(host: "relay.test", port: 443, isTLS: true)
        let none = NameResolver { _, _, _ in .failure(EAI_NONAME) }
        #expect(refusal(endpoint, .plain, resolver: none)?.cause == .nameNotFound)
        let overloaded = NameResolver { _, _, _ in .failure(EAI_AGAIN) }
        #expect(refusal(endpoint, .plain, resolver: overloaded)?.cause == .resolverFailed)
    }

    @Test func family_that_never_resolves_does_not_hold_back_the_other() throws {
        let server = try TestServer.python("stream_server.py", ["hello"])
        let release = DispatchSemaphore(value: 0)
        defer { release.signal() }
        let resolver = NameResolver { _, port, family in
            if family == .six { release.wait() }
            return SocketAddress(literal: "127.0.0.1", port: port).map { .addresses([$0]) } ?? .failure(EAI_NONAME)
        }
        let stream = try open(
            StreamEndpoint(host: "relay.test", port: server.port, isTLS: false), .plain, resolver: resolver)
        #expect(try stream.readAll().bytes == Array("hello".utf8))
    }

    @Test func hanging_name_service_is_left_behind_and_bounded() {
        let endpoint = StreamEndpoint(host: "relay.test", port: 443, isTLS: true)
        let release = DispatchSemaphore(value: 0)
        let waiting = Atomic<Int>(0)
        let resolver = NameResolver { _, _, _ in
            waiting.add(1, ordering: .relaxed)
            release.wait()
            return .failure(EAI_AGAIN)
        }
        var options = StreamOptions.plain
        options.connectTimeoutNanoseconds = .milliseconds(20)
        var causes: [StreamError.Cause] = []
        for _ in 0..<40 {
            if let cause = refusal(endpoint, options, resolver: resolver)?.cause { causes.append(cause) }
        }
        #expect(causes.count == 40)
        #expect(causes.first == .timedOut(.resolve))
        #expect(causes.last == .resolverFailed)
        #expect(waiting.load(ordering: .relaxed) <= 32)
        for _ in 0..<40 { release.signal() }
        // The threads end when the name service does; then names are found again.
        let prompt = NameResolver { _, _, _ in .failure(EAI_NONAME) }
        var cause: StreamError.Cause?
        let end = monotonicNow().advanced(byNanoseconds: .seconds(60))
        while cause != .nameNotFound, monotonicNow() < end {
            cause = refusal(endpoint, .plain, resolver: prompt)?.cause
            usleep(1000)
        }
        #expect(cause == .nameNotFound)
    }

    @Test func wake_ends_a_lookup() {
        let release = DispatchSemaphore(value: 0)
        defer { for _ in 0..<2 { release.signal() } }
        let resolver = NameResolver { _, _, _ in
            release.wait()
            return .failure(EAI_AGAIN)
        }
        let event = crt_eventfd_create()
        defer { close(event) }
        crt_eventfd_signal(event)
        let endpoint = StreamEndpoint(host: "relay.test", port: 443, isTLS: true)
        #expect(refusal(endpoint, .plain, wake: event, resolver: resolver)?.cause == .cancelled)
    }
}

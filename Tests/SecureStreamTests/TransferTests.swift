import Foundation
import Testing
import VoiceSecureStream

/// Bytes both ways, with and without TLS.
struct TransferTests {
    enum Kind: String, CaseIterable, Sendable {
        case plain, tls12, tls13
    }

    private func server(_ behaviour: String, _ kind: Kind) throws -> (TestServer, StreamEndpoint, StreamOptions) {
        let authority = try TestAuthority.trusted.get()
        var arguments = [behaviour]
        if kind != .plain {
            let certificate = try authority.issue(names: ["DNS:relay.localhost"])
            let version = kind == .tls12 ? "TLSv1_2" : "TLSv1_3"
            arguments += [
                "--cert", certificate.certFile, "--key", certificate.keyFile, "--tls-min", version, "--tls-max",
                version,
            ]
        }
        let server = try TestServer.python("stream_server.py", arguments)
        let endpoint = StreamEndpoint(host: "relay.localhost", port: server.port, isTLS: kind != .plain)
        return (server, endpoint, .trusting(authority.caFile))
    }

    /// Bytes that differ wherever two pieces could be swapped.
    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    }

    @Test(arguments: Kind.allCases)
    func echo_of_8_MiB_is_exact(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("echo", kind)
        let stream = try open(endpoint, options)
        let sent = pattern(8 << 20)
        var unsent = sent[...]
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 40_000)
        while received.count < sent.count {
            if !unsent.isEmpty {
                // Odd sizes, so that records and writes never line up.
                unsent = unsent.dropFirst(try stream.send(unsent.prefix(70_001)))
            }
            var events = stream.pollEvents
            if !unsent.isEmpty { events |= Int16(POLLOUT) }
            if !stream.hasBufferedInput { try #require(stream.waitForEvent(events)) }
            switch try buffer.withUnsafeMutableBytes({ try stream.read(into: $0) }) {
            case .bytes(let count): received += buffer[..<count]
            case .wouldBlock: break
            case .endOfStream:
                Issue.record("ended after \(received.count) bytes")
                return
            }
        }
        #expect(received == sent)
        stream.shutdownSend()
        let (rest, isClean) = try stream.readAll()
        #expect(rest.isEmpty && isClean)
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Kind.allCases)
    func small_reads_find_what_poll_cannot_see(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("echo", kind)
        let stream = try open(endpoint, options)
        let sent = pattern(5000)
        try stream.sendAll(sent)
        stream.shutdownSend()
        #expect(try stream.readAll(bufferBytes: 7).bytes == sent)
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Kind.allCases)
    func full_buffers_take_no_more_and_what_was_not_taken_may_change(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("slow-sink", kind)
        let stream = try open(endpoint, options)
        var total = 0
        var refusals = 0
        // Full when nothing was taken three times in a row with pauses for the kernel to move bytes on.
        while refusals < 3 {
            let taken = try stream.send([UInt8](repeating: 1, count: 100_000))
            total += taken
            #expect(total < 64 << 20, "a peer that reads nothing can't take this much")
            refusals = taken == 0 ? refusals + 1 : 0
            if taken == 0 { usleep(50_000) }
        }
        server.nudge()
        // Shorter and different: nothing remembers the bytes that were refused.
        try stream.sendAll([2, 2, 2])
        stream.shutdownSend()
        let (answer, isClean) = try stream.readAll()
        #expect(String(decoding: answer, as: UTF8.self) == String(total + 3))
        #expect(isClean)
    }

    /// What waits unsent in the kernel is too late to be dropped: little may.
    @Test(arguments: Kind.allCases)
    func few_unsent_bytes_wait_in_the_kernel(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("slow-sink", kind)
        let stream = try open(endpoint, options)
        var refusals = 0
        while refusals < 3 {
            let taken = try stream.send([UInt8](repeating: 1, count: 640))
            refusals = taken == 0 ? refusals + 1 : 0
            if taken == 0 { usleep(20_000) }
        }
        var unsent: Int32 = -1
        let siocoutqnsd: UInt = 0x894B
        #expect(ioctl(stream.descriptor, siocoutqnsd, &unsent) == 0)
        // The mark, and the one write that crossed it.
        #expect((0...4096 + 1024).contains(unsent))
        withExtendedLifetime(server) {}
    }

    @Test(arguments: [Kind.tls12, .tls13])
    func end_without_close_notify_is_not_clean(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("cut", kind)
        let (bytes, isClean) = try open(endpoint, options).readAll()
        #expect(bytes == Array("hello".utf8))
        #expect(!isClean)
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Kind.allCases)
    func end_said_by_the_peer_is_clean(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("hello", kind)
        let (bytes, isClean) = try open(endpoint, options).readAll()
        #expect(bytes == Array("hello".utf8))
        #expect(isClean)
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Kind.allCases)
    func reset_is_reset_on_both_halves_and_raises_no_signal(_ kind: Kind) throws {
        // Blocked in this thread alone, a signal stays pending: the other tests of this process need theirs ignored.
        var pipeSignal = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        var previous = sigset_t()
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        let (server, endpoint, options) = try server("reset", kind)
        let stream = try open(endpoint, options)
        #expect(try stream.readExactly(5) == Array("hello".utf8))
        try stream.sendAll([1])
        let error = #expect(throws: StreamError.self) { _ = try stream.readAll() }
        #expect(error?.cause == .reset)
        for _ in 0..<3 {
            let error = #expect(throws: StreamError.self) { _ = try stream.send([2, 3]) }
            #expect(error?.cause == .reset)
        }
        var atOnce = timespec()
        #expect(sigtimedwait(&pipeSignal, nil, &atOnce) == -1, "SIGPIPE was raised")
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Kind.allCases)
    func nothing_goes_out_after_shutdown_or_close(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("echo", kind)
        let stream = try open(endpoint, options)
        try stream.sendAll([1, 2, 3])
        stream.shutdownSend()
        stream.shutdownSend()
        #expect(throws: StreamError(.closed, peer: endpoint.description)) { _ = try stream.send([4]) }
        #expect(try stream.readAll().bytes == [1, 2, 3])
        stream.close()
        stream.close()
        stream.shutdownSend()
        #expect(stream.descriptor == -1)
        #expect(!stream.hasBufferedInput)
        #expect(throws: StreamError(.closed, peer: endpoint.description)) { _ = try stream.send([4]) }
        #expect(throws: StreamError(.closed, peer: endpoint.description)) { _ = try stream.readOnce() }
        withExtendedLifetime(server) {}
    }

    @Test(arguments: Kind.allCases)
    func empty_buffers_do_nothing(_ kind: Kind) throws {
        let (server, endpoint, options) = try server("echo", kind)
        let stream = try open(endpoint, options)
        #expect(try stream.send([]) == 0)
        #expect(try stream.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0)) == .wouldBlock)
        #expect(try stream.readOnce() == .wouldBlock)
        withExtendedLifetime(server) {}
    }
}

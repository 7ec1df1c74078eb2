import CRealtime
import Foundation
import Testing
import VoiceRealtime
import VoiceSecureStream

/// The wake descriptor ends a connect in every phase.
struct CancelTests {
    /// An eventfd that another thread makes readable shortly after, or at once.
    private func wake(afterMicroseconds delay: UInt32?) -> Int32 {
        let event = crt_eventfd_create()
        if let delay {
            Thread.detachNewThread {
                usleep(delay)
                crt_eventfd_signal(event)
            }
        } else {
            crt_eventfd_signal(event)
        }
        return event
    }

    private func cause(
        _ endpoint: StreamEndpoint, _ options: StreamOptions, delay: UInt32?
    ) -> StreamError.Cause? {
        let event = wake(afterMicroseconds: delay)
        defer {
            // The signal may still be on its way after an unexpected end; the descriptor must outlive it.
            usleep(delay ?? 0)
            close(event)
        }
        return refusal(endpoint, options, wake: event)?.cause
    }

    @Test(arguments: [nil, 50_000] as [UInt32?])
    func during_tcp(_ delay: UInt32?) {
        let hole = ConnectTests.BlackHole()
        let endpoint = StreamEndpoint(host: "127.0.0.1", port: hole.port, isTLS: true)
        #expect(cause(endpoint, .plain, delay: delay) == .cancelled)
    }

    @Test(arguments: [nil, 50_000] as [UInt32?])
    func during_tls(_ delay: UInt32?) throws {
        let server = try TestServer.python("stream_server.py", ["silent"])
        let endpoint = StreamEndpoint(host: "127.0.0.1", port: server.port, isTLS: true)
        #expect(cause(endpoint, .plain, delay: delay) == .cancelled)
    }

    @Test func during_the_proxy_exchange() throws {
        let proxy = try TestServer.python("connect_proxy.py", ["--answer", "silent"])
        var options = StreamOptions.plain
        options.proxy = .explicit(try #require(StreamProxy(host: "127.0.0.1", port: proxy.port)))
        let endpoint = StreamEndpoint(host: "relay.test", port: 443, isTLS: true)
        #expect(cause(endpoint, options, delay: 50_000) == .cancelled)
    }

    @Test func wake_that_stays_quiet_changes_nothing_and_is_not_drained() throws {
        let server = try TestServer.python("stream_server.py", ["hello"])
        let endpoint = StreamEndpoint(host: "127.0.0.1", port: server.port, isTLS: false)
        let quiet = crt_eventfd_create()
        defer { close(quiet) }
        #expect(try open(endpoint, .plain, wake: quiet).readAll().bytes == Array("hello".utf8))
        crt_eventfd_signal(quiet)
        let hole = ConnectTests.BlackHole()
        for _ in 0..<2 {
            let held = StreamEndpoint(host: "127.0.0.1", port: hole.port, isTLS: false)
            #expect(refusal(held, .plain, wake: quiet)?.cause == .cancelled)
        }
    }
}

import Foundation
import Testing
import VoiceSecureStream

struct UnixSocketTests {
    @Test func echo() throws {
        let path = try TestFolders.make() + "/s"
        let server = try TestServer.python("stream_server.py", ["echo", "--unix", path])
        let stream = try open(StreamEndpoint(unixPath: path), .plain)
        #expect(stream.summary.remoteAddress.isEmpty && stream.summary.tlsVersion.isEmpty)
        let sent = [UInt8](repeating: 7, count: 3_000_000)
        var received = 0
        var unsent = sent[...]
        while received < sent.count {
            unsent = unsent.dropFirst(try stream.send(unsent.prefix(50_000)))
            try #require(stream.waitForEvent(unsent.isEmpty ? stream.pollEvents : Int16(POLLIN | POLLOUT)))
            if case .bytes(let count) = try stream.readOnce() { received += count }
        }
        stream.shutdownSend()
        #expect(try stream.readAll() == ([], true))
        withExtendedLifetime(server) {}
    }

    @Test func nobody_there_is_refused_and_a_bad_path_is_an_error() throws {
        let folder = try TestFolders.make()
        let missing = refusal(StreamEndpoint(unixPath: folder + "/missing"), .plain)
        #expect(missing?.cause == .refused)
        #expect(missing?.description.contains("unix:\(folder)/missing") == true)
        try "file".write(toFile: folder + "/file", atomically: false, encoding: .utf8)
        #expect(refusal(StreamEndpoint(unixPath: folder + "/file"), .plain)?.cause == .refused)
        for path in ["", String(repeating: "x", count: 108), "a\0b"] {
            #expect(refusal(StreamEndpoint(unixPath: path), .plain)?.cause == .badAddress)
        }
    }

    @Test func full_queue_times_out() throws {
        let path = try TestFolders.make() + "/s"
        let server = try TestServer.python("stream_server.py", ["hello", "--unix", path])
        kill(server.identifier, SIGSTOP)
        var options = StreamOptions.plain
        options.connectTimeoutNanoseconds = 100_000_000
        var held: [SecureStream] = []
        var last: StreamError?
        for _ in 0..<64 where last == nil {
            do throws(StreamError) {
                held.append(try open(StreamEndpoint(unixPath: path), options))
            } catch {
                last = error
            }
        }
        #expect(last?.cause == .timedOut(.connect))
    }
}

import Foundation
import Testing
import VoiceRealtime
import VoiceSecureStream

extension StreamOptions {
    /// Strict, independent of this machine's environment and trust store.
    static func trusting(_ caFile: String?) -> StreamOptions {
        var options = StreamOptions()
        options.usesSystemTrust = false
        options.caFile = caFile
        options.proxy = .none
        // Far away: what a time limit is about, sets it.
        options.connectTimeoutNanoseconds = .seconds(60)
        options.proxyTimeoutNanoseconds = .seconds(60)
        options.tlsTimeoutNanoseconds = .seconds(60)
        return options
    }

    static var plain: StreamOptions { trusting(nil) }
}

/// Connects within a generous bound: a test that hits it has found a hang.
func open(
    _ endpoint: StreamEndpoint, _ options: StreamOptions, seconds: Int64 = 60, wake: Int32 = -1,
    resolver: NameResolver = .system
) throws(StreamError) -> SecureStream {
    let deadline = monotonicNow().advanced(byNanoseconds: .seconds(seconds))
    return try SecureStream.connect(
        to: endpoint, options: options, deadline: deadline, wake: wake, resolver: resolver)
}

/// The error of a connection that must not come about.
func refusal(
    _ endpoint: StreamEndpoint, _ options: StreamOptions, seconds: Int64 = 60, wake: Int32 = -1,
    resolver: NameResolver = .system, sourceLocation: SourceLocation = #_sourceLocation
) -> StreamError? {
    do throws(StreamError) {
        let stream = try open(endpoint, options, seconds: seconds, wake: wake, resolver: resolver)
        Issue.record("\(endpoint) was accepted: \(stream.summary)", sourceLocation: sourceLocation)
        return nil
    } catch {
        return error
    }
}

extension SecureStream {
    /// Waits for an event; false after a minute.
    func waitForEvent(_ events: Int16) -> Bool {
        let end = monotonicNow().advanced(byNanoseconds: .seconds(60))
        while true {
            var descriptors = pollfd(fd: descriptor, events: events, revents: 0)
            if poll(&descriptors, 1, 1000) > 0 { return true }
            // A signal's handler ends a poll, too.
            if monotonicNow() >= end { return false }
        }
    }

    /// Reads to the end of the stream.
    func readAll(bufferBytes: Int = 65536) throws -> (bytes: [UInt8], isClean: Bool) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: bufferBytes)
        while true {
            if !hasBufferedInput { try #require(waitForEvent(pollEvents), "no byte in a minute") }
            switch try buffer.withUnsafeMutableBytes({ try read(into: $0) }) {
            case .bytes(let count): bytes += buffer[..<count]
            case .wouldBlock: continue
            case .endOfStream(let isClean): return (bytes, isClean)
            }
        }
    }

    /// Reads so many bytes.
    func readExactly(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < count {
            if !hasBufferedInput { try #require(waitForEvent(pollEvents), "no byte in a minute") }
            let left = min(count - bytes.count, buffer.count)
            let result = try buffer.withUnsafeMutableBytes { try read(into: .init(rebasing: $0[..<left])) }
            switch result {
            case .bytes(let count): bytes += buffer[..<count]
            case .wouldBlock: continue
            case .endOfStream: return bytes
            }
        }
        return bytes
    }

    /// Sends what is taken now.
    func send(_ bytes: some Sequence<UInt8>) throws -> Int {
        try Array(bytes).withUnsafeBytes { try write($0) }
    }

    /// Sends everything, waiting as needed.
    func sendAll(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(try send(rest))
            if !rest.isEmpty { try #require(waitForEvent(Int16(POLLOUT)), "not writable for a minute") }
        }
    }

    /// One read, as it is.
    func readOnce() throws -> StreamReadResult {
        var buffer = [UInt8](repeating: 0, count: 65536)
        return try buffer.withUnsafeMutableBytes { try read(into: $0) }
    }
}

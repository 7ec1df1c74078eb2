import Foundation
import Testing
import VoiceKit

/// A connection that is made while nobody waits for it any more.
@Suite struct RelayConnectorTests {
    /// A session that is over leaves its connecting thread behind, which signals at its end: what it signals must last.
    @Test func whatItSignalsLastsAsLongAsItsThread() async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 1) == 0
                    ? getsockname(listener, pointer, &size) : -1
            }
        }
        try #require(code == 0)
        weak var watched: LiveWaker?
        // Nobody answers there.
        try begin(port: Int(UInt16(bigEndian: address.sin_port))) { watched = $0 }
        #expect(watched != nil)
        close(listener)
        // The thread's end is what lets go of it.
        let deadline = ContinuousClock.now + .seconds(60)
        while watched != nil, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        #expect(watched == nil)
    }

    private func begin(port: Int, _ watch: (LiveWaker) -> Void) throws {
        let waker = try LiveWaker()
        watch(waker)
        RelayConnector(RelayEndpoint(base: "ws://127.0.0.1:\(port)", token: "key"), waker: waker).start()
    }
}

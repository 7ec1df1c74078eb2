import COpenSSL
import Synchronization
import VoiceRealtime

/// TLS sessions kept for reconnects, a bounded number, each used at most once (RFC 8446 §C.4).
///
/// Threads: any number may share one. A session is only offered for the same host, port and trust settings as those
/// it was verified with, and not later than an hour after.
public final class StreamSessionCache: Sendable {
    static let sessionsMax = 32
    static let ageMaxNanoseconds: Int64 = .seconds(3600)

    private struct Entry {
        let key: String
        let session: TLSSession
        let verified: MonotonicTime
    }

    private let entries = Mutex<[Entry]>([])

    public init() {}

    /// The number of sessions held.
    public var count: Int { entries.withLock { $0.count } }

    /// Forgets all sessions.
    public func removeAll() {
        entries.withLock { $0.removeAll() }
    }

    func take(key: String, now: MonotonicTime) -> (session: TLSSession, verified: MonotonicTime)? {
        entries.withLock { list in
            list.removeAll { now.nanoseconds(since: $0.verified) > Self.ageMaxNanoseconds }
            guard let index = list.lastIndex(where: { $0.key == key }) else { return nil }
            let entry = list.remove(at: index)
            return (entry.session, entry.verified)
        }
    }

    /// Keeps a session; `verified` is when its certificate was checked in a full handshake.
    func put(_ session: TLSSession, key: String, verified: MonotonicTime) {
        entries.withLock { list in
            list.removeAll { $0.key == key }
            if list.count >= Self.sessionsMax { list.removeFirst() }
            list.append(Entry(key: key, session: session, verified: verified))
        }
    }
}

/// One reference to an SSL_SESSION.
///
/// OpenSSL counts references atomically and doesn't change a session that is not part of a connection.
final class TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over a reference.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        SSL_SESSION_free(pointer)
    }
}

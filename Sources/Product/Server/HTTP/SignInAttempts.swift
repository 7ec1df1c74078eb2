import Synchronization

/// The one place that slows down whoever guesses passwords or makes accounts in masses, at the pages and at the API.
///
/// Threads: any.
final class SignInAttempts: Sendable {
    private let limit = Mutex(AttemptLimit())

    /// - Returns: seconds to wait before a password may be tried; 0 to go on.
    func begin(account: String, address: String?, now: WallTime) -> Int {
        limit.withLock { $0.begin(account: account.lowercased(), address: address ?? "", now: Int(now.seconds)) }
    }

    func succeed(account: String, address: String?) {
        limit.withLock { $0.succeed(account: account.lowercased(), address: address ?? "") }
    }

    /// - Returns: seconds to wait before an account may be made; 0 to go on.
    func beginAccount(address: String?, now: WallTime) -> Int {
        limit.withLock { $0.beginAccount(address: address ?? "", now: Int(now.seconds)) }
    }
}

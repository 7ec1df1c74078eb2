import HTTPTypes
import Hummingbird
import Synchronization

/// Which methods each path takes, so that a wrong one is told apart from a path that is not there (RFC 9110 §15.5.6).
final class MethodTable: Sendable {
    private struct Entry {
        /// `nil` for a part that takes any name.
        let parts: [String?]
        let method: String
    }

    private let entries = Mutex<[Entry]>([])

    /// Takes the routes in, once all of them are there.
    func fill(from router: Router<QuotaContext>) {
        let entries = router.routes.map { route in
            Entry(
                parts: Self.split(route.path.description).map { part in
                    part.hasPrefix("{") || part.hasPrefix(":") ? nil : String(part)
                }, method: route.method.rawValue)
        }
        self.entries.withLock { $0 = entries }
    }

    /// For `Allow`; empty where there is no such path.
    func methods(of path: String) -> [String] {
        let parts = Self.split(path)
        let found = entries.withLock { entries in
            entries.filter { entry in
                entry.parts.count == parts.count && zip(entry.parts, parts).allSatisfy { $0 ?? String($1) == $1 }
            }
        }
        // Whatever can be read has a head (RFC 9110 §9.3.2).
        return Set(found.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }).sorted()
    }

    private static func split(_ path: String) -> [Substring] { path.split(separator: "/") }
}

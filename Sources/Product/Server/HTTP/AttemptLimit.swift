/// Slows down whoever guesses passwords. Time is an argument, in seconds.
///
/// Counted for an account from one address, for an address, and for an account from anywhere, the last so loosely that a
/// stranger can't lock anyone out for longer than a minute. Holds a bounded number of entries: the longest idle go.
package struct AttemptLimit: Sendable {
    private struct Entry {
        var failures = 0
        var lastFailure = 0
        var blockedUntil = 0
    }

    private struct Rule {
        let free: Int
        let waitMax: Int
    }

    private static let forPair = Rule(free: 5, waitMax: 900)
    private static let forAddress = Rule(free: 50, waitMax: 300)
    private static let forAccount = Rule(free: 100, waitMax: 60)
    private static let forNewAccounts = Rule(free: 300, waitMax: 60)
    /// After so long without a failure all is forgotten.
    private static let forgetSeconds = 3_600
    private let entriesMax: Int
    private var entries: [String: Entry] = [:]

    /// Entries that are held.
    package var count: Int { entries.count }

    package init(entriesMax: Int = 30_000) { self.entriesMax = entriesMax }

    /// What an attempt counts for.
    private typealias Keys = [(String, Rule)]

    private static func keys(_ account: String, _ address: String) -> Keys {
        [
            ("p\u{0}\(account)\u{0}\(address)", forPair), ("a\u{0}\(address)", forAddress),
            ("u\u{0}\(account)", forAccount),
        ]
    }

    /// Takes an attempt into account before it is judged, so that many at once can't all slip through.
    ///
    /// - Returns: the seconds to wait, without any attempt having been taken; 0 to go on.
    package mutating func begin(account: String, address: String, now: Int) -> Int {
        begin(Self.keys(account, address), now: now)
    }

    /// The same for an account that is about to be made: an address makes so many, and then one a minute.
    package mutating func beginAccount(address: String, now: Int) -> Int {
        begin([("n\u{0}\(address)", Self.forNewAccounts)], now: now)
    }

    private mutating func begin(_ keys: Keys, now: Int) -> Int {
        let wait = keys.map { (entries[$0.0]?.blockedUntil ?? 0) - now }.max() ?? 0
        guard wait <= 0 else { return wait }
        for (key, rule) in keys {
            var entry = entries[key] ?? Entry()
            if now - entry.lastFailure > Self.forgetSeconds { entry = Entry() }
            entry.failures += 1
            entry.lastFailure = now
            let beyond = entry.failures - rule.free
            if beyond >= 0 { entry.blockedUntil = now + min(1 << min(beyond, 20), rule.waitMax) }
            entries[key] = entry
        }
        makeRoom()
        return 0
    }

    /// The attempt was right: it counts for nothing, and the account's failures from there are forgotten.
    package mutating func succeed(account: String, address: String) {
        for (index, (key, _)) in Self.keys(account, address).enumerated() {
            if index == 0 {
                entries[key] = nil
            } else if var entry = entries[key] {
                entry.failures = max(entry.failures - 1, 0)
                entry.blockedUntil = 0
                entries[key] = entry
            }
        }
    }

    private mutating func makeRoom() {
        guard entries.count > entriesMax else { return }
        // A quarter at once, so that this is rare.
        let oldest = entries.sorted { $0.value.lastFailure < $1.value.lastFailure }.prefix(entriesMax / 4 + 1)
        for (key, _) in oldest { entries[key] = nil }
    }
}

/// Push-to-talk by a key that repeats while it is held: a terminal tells of presses, never of a release.
///
/// The microphone is open from the first press. Keyboards wait up to 0.7 s before they repeat a key and then do so many
/// times a second, so a single press holds for 0.8 s and a repeated one for 0.4 s. Times in nanoseconds.
package struct TalkKey: Sendable {
    package static let firstNanoseconds: Int64 = 800_000_000
    package static let repeatNanoseconds: Int64 = 400_000_000

    private var openUntil: Int64?

    package init() {}

    /// Whether the key holds the microphone open.
    package var isHeld: Bool { openUntil != nil }

    /// The key was pressed or has repeated; true when the microphone shall open.
    package mutating func press(now: Int64) -> Bool {
        let wasHeld = isHeld
        openUntil = max(openUntil ?? .min, now + (wasHeld ? Self.repeatNanoseconds : Self.firstNanoseconds))
        return !wasHeld
    }

    /// Time passes; true when the microphone shall close.
    package mutating func tick(now: Int64) -> Bool {
        guard let openUntil, now >= openUntil else { return false }
        self.openUntil = nil
        return true
    }

    /// Something else decides from here on.
    package mutating func forget() { openUntil = nil }
}

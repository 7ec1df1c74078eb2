import VoiceRealtime

/// Whether a converter answers what it is sent.
struct AnswerWatch {
    static let silenceNanosecondsMax: Int64 = 1_000_000_000
    /// With less on its way than this a converter may still wait for more.
    static let owedNanosecondsMin: Int64 = 500_000_000

    /// When the first sound left after the last answer.
    private var owedSince: MonotonicTime?
    /// Until an answer has come that belongs to what is being said.
    private(set) var isStalled = false

    mutating func sent(now: MonotonicTime) {
        if owedSince == nil { owedSince = now }
    }

    mutating func answered() { owedSince = nil }

    mutating func caughtUp() { isStalled = false }

    /// - Parameter owed: sound that is on its way there and back.
    /// - Returns: Whether it has just been found out.
    mutating func stalls(owed: Int64, now: MonotonicTime) -> Bool {
        guard !isStalled, let owedSince, now > owedSince else { return false }
        isStalled =
            now.nanoseconds(since: owedSince) >= Self.silenceNanosecondsMax && owed >= Self.owedNanosecondsMin
        return isStalled
    }
}

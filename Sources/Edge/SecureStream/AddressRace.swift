import VoiceRealtime

/// The two address families that race.
package enum AddressFamily: Sendable {
    case six, four
}

/// Happy eyeballs (RFC 8305) without a socket: which address to try next, and when.
///
/// Time is an argument. `Address` is whatever the caller connects to.
package struct AddressRace<Address> {
    package enum Step {
        /// Start an attempt now.
        case start(Address)
        /// Nothing to start before this time, unless an attempt fails or an answer comes.
        case wait(until: MonotonicTime)
        /// Nothing to start unless an answer comes; attempts may be under way.
        case waitForAnswer
        /// No address is left and no answer is open.
        case exhausted
    }

    /// RFC 8305 §5: how long an attempt runs before the next one starts beside it.
    package static var attemptDelayNanoseconds: Int64 { .milliseconds(250) }
    /// RFC 8305 §3: how long an IPv4 answer waits for the IPv6 one.
    package static var resolutionDelayNanoseconds: Int64 { .milliseconds(50) }

    private var queueSix: [Address] = []
    private var queueFour: [Address] = []
    private var isOpenSix = true
    private var isOpenFour = true
    private var lastFamily: AddressFamily?
    /// Nothing starts before this time.
    private var notBefore = MonotonicTime(nanoseconds: 0)

    package init() {}

    /// Takes a family's answer; an empty one for a failed lookup.
    package mutating func answer(_ family: AddressFamily, _ addresses: [Address], now: MonotonicTime) {
        switch family {
        case .six:
            queueSix = addresses
            isOpenSix = false
            // IPv6 is what an IPv4 answer was waiting for, whatever it says.
            if lastFamily == nil { notBefore = now }
        case .four:
            queueFour = addresses
            isOpenFour = false
            if lastFamily == nil, isOpenSix {
                notBefore = now.advanced(byNanoseconds: Self.resolutionDelayNanoseconds)
            }
        }
    }

    /// Notes that an attempt failed: the next one needs no delay.
    package mutating func attemptFailed(now: MonotonicTime) {
        notBefore = min(notBefore, now)
    }

    /// What to do now. After `.start` it is to be asked again.
    package mutating func next(now: MonotonicTime) -> Step {
        if queueSix.isEmpty, queueFour.isEmpty {
            return isOpenSix || isOpenFour ? .waitForAnswer : .exhausted
        }
        guard notBefore <= now else { return .wait(until: notBefore) }
        notBefore = now.advanced(byNanoseconds: Self.attemptDelayNanoseconds)
        // RFC 8305 §4: families take turns, IPv6 first.
        let prefersSix = lastFamily != .six
        if !queueSix.isEmpty, prefersSix || queueFour.isEmpty {
            lastFamily = .six
            return .start(queueSix.removeFirst())
        }
        lastFamily = .four
        return .start(queueFour.removeFirst())
    }
}

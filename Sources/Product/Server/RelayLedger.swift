import VoiceRelay

/// Who asks for a session: what its first frame and its upgrade say.
package struct RelayCaller: Sendable {
    package let token: String
    /// The value of `X-Quota-User`: the hosted user who is to be billed.
    package let hostedUser: String?
    package let sessionID: String
    package let voice: String
    /// The protocol's name of the sound's format.
    package let format: String
}

/// Credits set aside for one session.
package struct RelayReservation: Sendable, Hashable {
    /// The ledger's own name for it.
    package let id: String
    package let credits: Int
    /// Whose they are, for people.
    package let owner: String?

    package init(id: String, credits: Int, owner: String?) {
        self.id = id
        self.credits = credits
        self.owner = owner
    }
}

/// What has become of a reservation that is open.
package enum RelayFunds: Equatable {
    /// It is there; the wallet could give so many credits besides.
    case held(besides: Int)
    /// It is not open any more: its credits were taken back.
    case gone
    /// Whoever gave the credential, or linked the hosted user, took that back.
    case revoked
}

/// The end of a reservation.
package struct RelaySettlement: Sendable, Equatable {
    package let creditsUsed: Int
    package let creditsRefunded: Int

    package init(creditsUsed: Int, creditsRefunded: Int) {
        self.creditsUsed = creditsUsed
        self.creditsRefunded = creditsRefunded
    }
}

/// Why no credits were set aside.
package enum RelayLedgerRefusal: Error, Equatable {
    case unknownToken
    /// The token may not spend.
    case insufficientScope
    /// The hosted user is nobody with a wallet.
    case notLinked
    case insufficientCredits(balance: Int, required: Int)
    /// The ledger can't be written.
    case unavailable
}

/// The money behind the relay. The relay asks nothing else of it.
///
/// Called on a worker's thread, from many of them at once; may block for as long as a transaction takes.
package protocol RelayLedger: Sendable {
    /// Sets credits aside, all or none.
    func reserve(_ credits: Int, for caller: RelayCaller) throws(RelayLedgerRefusal) -> RelayReservation

    /// Notes what was used so far, about once a second, and says what has become of the reservation meanwhile: a server
    /// that dies settles at the last note.
    func note(_ reservation: RelayReservation, used: Int, samples: Int) -> RelayFunds

    /// Bills `used` and gives the rest back; `nil` when that has happened before.
    ///
    /// - Parameter closeName: how the session ended, for its owner.
    func settle(
        _ reservation: RelayReservation, used: Int, samples: Int, closeName: String
    ) -> RelaySettlement?
}

/// The money of one session: reserved once, settled once, however the session ends.
///
/// One caller at a time.
final class SessionFunds {
    let reservation: RelayReservation
    private let ledger: any RelayLedger
    private var used = 0
    private var samples = 0
    private var isSettled = false

    init(_ credits: Int, for caller: RelayCaller, from ledger: any RelayLedger) throws(RelayLedgerRefusal) {
        self.ledger = ledger
        reservation = try ledger.reserve(credits, for: caller)
    }

    deinit {
        settle(closeName: Self.abandoned)
    }

    /// How a session ends that nobody closed.
    static let abandoned = "abandoned"

    /// Bills so many samples, at most what is reserved.
    func use(samples: Int) {
        self.samples = samples
        used = min(RelayProtocol.credits(forSamples: samples), reservation.credits)
    }

    /// Makes what was used so far durable.
    func note() -> RelayFunds {
        isSettled ? .gone : ledger.note(reservation, used: used, samples: samples)
    }

    /// What was used so far, and what is left with so many credits `besides` the reservation.
    func bill(besides: Int) -> (used: Int, left: Int) { (used, besides + reservation.credits - used) }

    @discardableResult
    func settle(closeName: String) -> RelaySettlement? {
        guard !isSettled else { return nil }
        isSettled = true
        return ledger.settle(reservation, used: used, samples: samples, closeName: closeName)
    }
}

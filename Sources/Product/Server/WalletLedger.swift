import Synchronization

/// The wallets of the database as the relay's ledger.
final class WalletLedger: RelayLedger {
    private let wallet: CreditWallet
    private let open = Mutex<[String: CreditWallet.Reservation]>([:])

    init(_ wallet: CreditWallet) {
        self.wallet = wallet
    }

    func reserve(_ credits: Int, for caller: RelayCaller) throws(RelayLedgerRefusal) -> RelayReservation {
        do throws(CreditWallet.Refusal) {
            let reservation = try wallet.reserve(
                credits, token: caller.token,
                opening: .init(
                    sessionID: caller.sessionID, voice: caller.voice, format: caller.format,
                    externalUserID: caller.hostedUser))
            open.withLock { $0[reservation.id] = reservation }
            return RelayReservation(id: reservation.id, credits: reservation.credits, owner: reservation.payerID)
        } catch {
            switch error {
            case .unknownToken: throw .unknownToken
            case .insufficientScope: throw .insufficientScope
            case .notLinked: throw .notLinked
            case .unavailable: throw .unavailable
            case .insufficientCredits(let balance, let required):
                throw .insufficientCredits(balance: balance, required: required)
            }
        }
    }

    func note(_ reservation: RelayReservation, used: Int, samples: Int) -> Int? {
        guard let entry = open.withLock({ $0[reservation.id] }) else { return nil }
        wallet.mark(entry, used: used, samples: samples)
        // A balance that can't be read ends no session: what was reserved is there.
        return wallet.balance(of: entry) ?? 0
    }

    func settle(_ reservation: RelayReservation, used: Int, samples: Int, closeName: String) -> RelaySettlement? {
        guard let entry = open.withLock({ $0.removeValue(forKey: reservation.id) }),
            let settlement = wallet.settle(entry, used: used, samples: samples, closeName: closeName)
        else { return nil }
        return RelaySettlement(creditsUsed: settlement.creditsUsed, creditsRefunded: settlement.creditsRefunded)
    }
}

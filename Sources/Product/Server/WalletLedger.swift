import Synchronization

/// The in-memory wallets as the relay's ledger. They know keys and no hosted users: the key's own wallet pays.
final class WalletLedger: RelayLedger {
    private let wallet: CreditWallet
    private let open = Mutex<(next: Int, reservations: [String: CreditWallet.Reservation])>((1, [:]))

    init(_ wallet: CreditWallet) {
        self.wallet = wallet
    }

    func reserve(_ credits: Int, for caller: RelayCaller) throws(RelayLedgerRefusal) -> RelayReservation {
        do throws(CreditWallet.Refusal) {
            let reservation = try wallet.reserve(credits, token: caller.token)
            return open.withLock { open in
                let id = "\(open.next)"
                open.next += 1
                open.reservations[id] = reservation
                return RelayReservation(id: id, credits: reservation.credits, owner: nil)
            }
        } catch {
            switch error {
            case .unknownToken: throw .unknownToken
            case .insufficientCredits(let balance, let required):
                throw .insufficientCredits(balance: balance, required: required)
            }
        }
    }

    func note(_ reservation: RelayReservation, used: Int, samples: Int) -> Int? {
        open.withLock { $0.reservations[reservation.id] }.flatMap { wallet.balance(of: $0) }
    }

    func settle(_ reservation: RelayReservation, used: Int, samples: Int, closeName: String) -> RelaySettlement? {
        guard let entry = open.withLock({ $0.reservations.removeValue(forKey: reservation.id) }),
            let settlement = wallet.settle(entry, used: used)
        else { return nil }
        return RelaySettlement(
            creditsUsed: settlement.creditsUsed, creditsRefunded: settlement.creditsRefunded)
    }
}

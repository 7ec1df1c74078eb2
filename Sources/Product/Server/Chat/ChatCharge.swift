import Synchronization

/// The money of one completion: reserved before anything runs, settled once when it is known what it took.
///
/// Whatever becomes of the request, letting go of this settles at the tokens that were counted by then.
final class ChatCharge: Sendable {
    private struct State {
        var tokens: Reservation.Tokens
        var isSettled = false
    }

    private let store: Store
    private let reservation: Reservation
    private let balanceBefore: Int
    private let billingMode: String
    private let state: Mutex<State>

    /// - Throws: ``APIError`` with 402 where the wallet does not cover it.
    static func open(
        _ order: ChatOrder, isLocal: Bool, _ principal: Principal, in store: Store
    ) async throws -> ChatCharge {
        let purpose = Reservation.Purpose(principal, model: order.model, endpoint: "/v1/chat/completions")
        let credits = order.reservedCredits(isLocal: isLocal)
        do {
            let (reservation, balance) = try await store.write { database in
                let balance = try Ledger.balance(of: principal.payerID, in: database) ?? 0
                return (try Ledger.reserve(credits, for: purpose, now: .now, in: database), balance)
            }
            return ChatCharge(store, reservation, balance, principal.billingMode)
        } catch let error as Ledger.InsufficientCredits {
            throw APIError.insufficientCredits(balance: error.balance, required: error.required)
        } catch Ledger.Failure.noWallet {
            throw APIError.unauthorized("not_connected", "no wallet is connected", hint: nil)
        }
    }

    private init(_ store: Store, _ reservation: Reservation, _ balanceBefore: Int, _ billingMode: String) {
        self.store = store
        self.reservation = reservation
        self.balanceBefore = balanceBefore
        self.billingMode = billingMode
        state = Mutex(State(tokens: .init(prompt: 0, completion: 0)))
    }

    deinit {
        let left = state.withLock { $0.isSettled ? nil : $0.tokens }
        guard let left else { return }
        let id = reservation.id
        // A failing database leaves it open, for the next start to settle.
        try? store.database.write { database in
            _ = try Ledger.settle(id, used: ChatPrice.credits(left), tokens: left, now: .now, in: database)
        }
    }

    /// What it has taken so far.
    func note(_ tokens: Reservation.Tokens) {
        state.withLock { $0.tokens = tokens }
    }

    /// Bills it.
    ///
    /// - Returns: the `quota` block of the answer.
    func settle(_ tokens: Reservation.Tokens) async throws -> JSONTree {
        note(tokens)
        let id = reservation.id
        let settlement = try await store.write { database in
            try Ledger.settle(id, used: ChatPrice.credits(tokens), tokens: tokens, now: .now, in: database)
        }
        state.withLock { $0.isSettled = true }
        return [
            "credits_used": .integer(settlement?.creditsUsed ?? 0), "balance_before": .integer(balanceBefore),
            "balance_after": JSONTree(settlement?.balance), "billing_mode": .string(billingMode),
        ]
    }
}

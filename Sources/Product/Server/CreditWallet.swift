import Synchronization

/// The wallets of a local server, in memory: who may speak, and what it costs.
///
/// Reserve and settle are each one step under one lock. A reservation is settled exactly once, however a session ends,
/// and the sum of balances, reservations and billed credits never changes.
final class CreditWallet: Sendable {
    /// Why a reservation was refused.
    enum Refusal: Error, Equatable {
        case unknownToken
        case insufficientCredits(balance: Int, required: Int)
    }

    struct Reservation: Hashable, Sendable {
        fileprivate let id: UInt64
        let credits: Int
    }

    struct Settlement: Equatable, Sendable {
        let creditsUsed: Int
        let creditsRefunded: Int
        let balance: Int
    }

    private struct State {
        var balances: [String: Int]
        var open: [UInt64: (token: String, credits: Int)] = [:]
        var billed = 0
        var nextID: UInt64 = 1
    }

    private let state: Mutex<State>

    init(balances: [String: Int]) {
        state = Mutex(State(balances: balances))
    }

    func reserve(_ credits: Int, token: String) throws(Refusal) -> Reservation {
        let result: Result<Reservation, Refusal> = state.withLock { state in
            guard let account = state.balances.keys.first(where: { Self.equalInConstantTime($0, token) }),
                let balance = state.balances[account]
            else { return .failure(.unknownToken) }
            guard balance >= credits else {
                return .failure(.insufficientCredits(balance: balance, required: credits))
            }
            let id = state.nextID
            state.nextID += 1
            state.balances[account] = balance - credits
            state.open[id] = (account, credits)
            return .success(Reservation(id: id, credits: credits))
        }
        return try result.get()
    }

    /// What the account of an open reservation has left, the reservation not counted.
    func balance(of reservation: Reservation) -> Int? {
        state.withLock { state in state.open[reservation.id].flatMap { state.balances[$0.token] } }
    }

    /// Bills `used` of the reservation and refunds the rest; `nil` when it was settled before.
    func settle(_ reservation: Reservation, used: Int) -> Settlement? {
        state.withLock { state in
            guard let entry = state.open.removeValue(forKey: reservation.id) else { return nil }
            let billed = min(max(used, 0), entry.credits)
            let balance = state.balances[entry.token, default: 0] + entry.credits - billed
            state.balances[entry.token] = balance
            state.billed += billed
            return Settlement(creditsUsed: billed, creditsRefunded: entry.credits - billed, balance: balance)
        }
    }

    /// Every credit there is: balances, reservations and what was billed. Constant for the life of the wallet.
    var total: Int {
        state.withLock { state in
            state.balances.values.reduce(0, +) + state.open.values.reduce(0) { $0 + $1.credits } + state.billed
        }
    }

    var openReservations: Int { state.withLock { $0.open.count } }

    /// Compares all bytes, so that the time taken does not tell how many were right.
    private static func equalInConstantTime(_ left: String, _ right: String) -> Bool {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var difference = left.count ^ right.count
        for index in 0..<min(left.count, right.count) { difference |= Int(left[index] ^ right[index]) }
        return difference == 0
    }
}

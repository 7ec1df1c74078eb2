import Foundation

/// Remembers which events were handled, so that a delivery that comes again does nothing.
public protocol WebhookEventStore: Sendable {
    /// Marks an event as taken until `expiry`; false where it was taken before. One caller alone gets true.
    func claim(_ id: String, until expiry: Date) async throws -> Bool
    /// Takes the mark back: the event could not be handled, and may come again.
    func release(_ id: String) async throws
}

/// Remembers events as long as the process lives; bounded, the soonest to expire are forgotten first.
public actor InMemoryWebhookEventStore: WebhookEventStore {
    private var expiries: [String: Date] = [:]
    private let countMax: Int

    public init(countMax: Int = 100_000) {
        self.countMax = max(1, countMax)
    }

    public func claim(_ id: String, until expiry: Date) -> Bool {
        let now = Date()
        if let known = expiries[id], known > now { return false }
        if expiries.count >= countMax {
            expiries = expiries.filter { $0.value > now }
            // Still full: a tenth goes at once, so that not every claim has to look at all.
            if expiries.count >= countMax {
                let oldest = expiries.sorted { $0.value < $1.value }.prefix(max(1, countMax / 10))
                for (id, _) in oldest { expiries[id] = nil }
            }
        }
        expiries[id] = expiry
        return true
    }

    public func release(_ id: String) {
        expiries[id] = nil
    }
}

/// Takes deliveries: checks the signature and the time, drops what came before, and calls what is registered for a type.
public struct WebhookHandler: Sendable {
    public typealias Handler = @Sendable (WebhookEvent) async throws -> Void

    public enum Outcome: Sendable, Equatable {
        case handled
        /// The event was handled before: answer 200 all the same.
        case duplicate
        /// Nothing is registered for its type: answer 200, or it comes again and again.
        case ignored
    }

    private let secret: Secret
    private let store: any WebhookEventStore
    private let ageMax: Duration
    private var handlers: [WebhookType: [Handler]] = [:]
    private var fallback: [Handler] = []

    private static let futureMax: TimeInterval = 300

    /// - Parameters:
    ///   - store: shared by all processes that take deliveries.
    ///   - ageMax: older events are refused; so long are ids remembered. The sender repeats a delivery for hours, so this
    ///     is a day.
    public init(
        secret: String, store: any WebhookEventStore = InMemoryWebhookEventStore(), ageMax: Duration = .seconds(86_400)
    ) {
        self.secret = Secret(secret)
        self.store = store
        self.ageMax = ageMax
    }

    /// Registers a handler for a type; several are called in order.
    public mutating func on(_ type: WebhookType, _ handler: @escaping Handler) {
        handlers[type, default: []].append(handler)
    }

    /// Registers a handler for every type without one of its own, known or not.
    public mutating func onOther(_ handler: @escaping Handler) {
        fallback.append(handler)
    }

    /// Takes a delivery.
    ///
    /// - Throws: ``WebhookError``, or what a handler throws: answer 500, and the delivery may come again.
    public func handle(
        payload: some DataProtocol, signature: String?, now: Date = Date()
    ) async throws -> Outcome {
        let event = try parseWebhook(payload: payload, signature: signature, secret: secret.exposed)
        let age = now.timeIntervalSince(event.createdAt)
        let ageMaxSeconds = ageMax / .seconds(1)
        guard age <= ageMaxSeconds, age >= -Self.futureMax else { throw WebhookError.outOfTime }
        let registered = handlers[event.type] ?? fallback
        guard !registered.isEmpty else { return .ignored }
        // Remembered as long as the time check would let the same bytes pass.
        let expiry = event.createdAt.addingTimeInterval(ageMaxSeconds + Self.futureMax)
        guard try await store.claim(event.id, until: max(expiry, now)) else { return .duplicate }
        do {
            for handler in registered { try await handler(event) }
        } catch {
            try? await store.release(event.id)
            throw error
        }
        return .handled
    }
}

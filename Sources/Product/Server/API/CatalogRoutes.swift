import Foundation
import GRDB
import Hummingbird
import VoiceRelay

/// What can be bought, and what it is spent on: packages, checkouts, models.
struct CatalogRoutes {
    let services: ServerServices

    private struct Asked: Decodable {
        var packageId: String?
        var successUrl: String?
        var cancelUrl: String?
    }

    func add(to router: Router<QuotaContext>) {
        router.get("v1/packages") { _, _ in try await packages() }
        router.group("v1/models")
            .add(middleware: Authentication(store: services.store, accepts: [.apiKey, .accessToken]))
            .get { _, _ in JSONAnswer.response(models()) }
        router.group("api/payments/checkout")
            .add(middleware: Authentication(store: services.store, accepts: [.session, .apiKey, .accessToken]))
            .post { request, context in try await checkout(request, context) }
            .post(":id/refund") { _, context in try await refund(context) }
    }

    private func packages() async throws -> Response {
        let packages = try await services.store.read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM packages WHERE retired_at IS NULL ORDER BY price_cents"
            ).map { row -> JSONTree in
                [
                    "id": .string(row["id"]), "credits": .integer(row["credits"]),
                    "price_cents": .integer(row["price_cents"]),
                    "price_display": .string(CatalogText.price(cents: row["price_cents"])),
                ]
            }
        }
        return JSONAnswer.response(["packages": .array(packages)] as JSONTree)
    }

    private func models() -> JSONTree {
        let voice: JSONTree = [
            "id": .string(RelayProtocol.model), "object": "model", "created": 0, "owned_by": "elevenlabs",
            "pricing": ["per_second": .number(Double(RelayProtocol.creditsPerSecond) / 1_000_000)],
        ]
        let chat: JSONTree = [
            "id": .string(services.chat.modelID), "object": "model", "created": 0, "owned_by": "local",
            "pricing": [
                "prompt": .number(Double(ChatPrice.creditsPerPromptToken) / 1_000_000),
                "completion": .number(Double(ChatPrice.creditsPerCompletionToken) / 1_000_000),
            ],
        ]
        return ["object": "list", "data": [voice, chat]]
    }

    /// Opens a checkout; its page is `/checkout/:id`.
    private func checkout(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        if principal.kind == .accessToken { try principal.require(.creditsSpend) }
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        guard let package = asked.packageId else { throw APIError.badRequest("package_id is needed") }
        let success = try TextRule.address(asked.successUrl ?? "", of: "success_url")
        let cancel = try TextRule.address(asked.cancelUrl ?? "", of: "cancel_url")
        let id = try await services.store.write { database in
            try Checkout.open(
                package: package, for: principal.payerID, successURL: success, cancelURL: cancel, now: .now,
                in: database)
        }
        guard let id else { throw APIError.notFound("no such package") }
        let base = services.baseURL(for: request)
        return JSONAnswer.response(["url": .string("\(base)/checkout/\(id)"), "session_id": .string(id)] as JSONTree)
    }

    /// Of the local server alone: takes a purchase back, as its buyer or a bank may.
    private func refund(_ context: QuotaContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        if principal.kind == .accessToken { try principal.require(.creditsSpend) }
        let id = try JSONRequest.parameter("id", of: context)
        do {
            let balance = try await services.store.write { database in
                guard try Checkout.find(id, in: database)?.userID == principal.payerID else {
                    throw Refund.Failure.unknown
                }
                try Refund.take(id, now: .now, in: database)
                return try Ledger.balance(of: principal.payerID, in: database)
            }
            return JSONAnswer.response(["success": true, "balance": JSONTree(balance)] as JSONTree)
        } catch let failure as Refund.Failure {
            switch failure {
            case .unknown: throw APIError.notFound("no such checkout")
            case .notPaid: throw APIError(.conflict, "not_paid", "it was not paid, or was taken back before")
            case .spent(let balance, let required):
                throw APIError.insufficientCredits(balance: balance, required: required)
            }
        }
    }
}

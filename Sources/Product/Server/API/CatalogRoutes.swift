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
    }

    /// "$5.00"
    static func display(cents: Int) -> String {
        let rest = cents % 100
        return "$\(cents / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    private func packages() async throws -> Response {
        let packages = try await services.store.read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM packages WHERE retired_at IS NULL ORDER BY price_cents"
            ).map { row -> JSONTree in
                [
                    "id": .string(row["id"]), "credits": .integer(row["credits"]),
                    "price_cents": .integer(row["price_cents"]),
                    "price_display": .string(Self.display(cents: row["price_cents"])),
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
            let row = try Row.fetchOne(
                database, sql: "SELECT * FROM packages WHERE id = ? AND retired_at IS NULL", arguments: [package])
            guard let row else { throw APIError.notFound("no such package") }
            let id = Identifier.checkout.make()
            let now = WallTime.now
            try database.execute(
                sql: """
                    INSERT INTO checkouts (id, user_id, package_id, credits, price_cents, success_url, cancel_url,
                        created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, principal.payerID, package, row["credits"] as Int, row["price_cents"] as Int, success, cancel,
                    now, now.adding(seconds: 86_400),
                ])
            return id
        }
        let base = services.baseURL(for: request)
        return JSONAnswer.response(["url": .string("\(base)/checkout/\(id)"), "session_id": .string(id)] as JSONTree)
    }
}

import GRDB
import Hummingbird

/// `/v1/webhooks`: a developer's webhooks, their log, and redelivery. With a session token alone.
struct WebhookRoutes {
    let services: ServerServices
    private static let linesMax = 100

    private struct Asked: Decodable {
        var url: String?
        var events: [String]?
        var balanceLowThreshold: Int?
        var active: Bool?
    }

    func add(to router: Router<QuotaContext>) {
        let group = router.group("v1/webhooks")
            .add(middleware: Authentication(store: services.store, accepts: [.session]))
        group.post { request, context in try await make(request, context) }
        group.get { _, context in try await list(context) }
        group.get(":id") { _, context in try await show(context) }
        group.patch(":id") { request, context in try await change(request, context) }
        group.delete(":id") { _, context in try await remove(context) }
        group.get(":id/deliveries") { _, context in try await deliveries(context) }
        group.post(":id/deliveries/:delivery/redeliver") { _, context in try await redeliver(context) }
    }

    /// What is asked for, in place of what is there.
    private func applied(_ asked: Asked, to old: Webhooks.Registration) throws -> Webhooks.Registration {
        var new = old
        if let url = asked.url {
            do throws(DeliveryAddress.Refusal) {
                _ = try DeliveryAddress.check(url, allowsLoopback: services.webhooks.allowsLoopback)
            } catch {
                throw APIError(.badRequest, "invalid_url", error.description)
            }
            new.url = url
        }
        if let events = asked.events {
            guard events.allSatisfy(WebhookQueue.types.contains) else {
                throw APIError.badRequest(
                    "events has a type that does not exist", hint: "one of \(WebhookQueue.types)")
            }
            new.events = events
        }
        if let threshold = asked.balanceLowThreshold {
            guard (0...1_000_000_000_000).contains(threshold) else {
                throw APIError.badRequest("balance_low_threshold must be from 0 to 1000000000000 credits")
            }
            new.balanceLowThreshold = threshold
        }
        if let active = asked.active { new.isActive = active }
        return new
    }

    private static let unknown = APIError.notFound("no such webhook")

    private static func answer(_ hook: Webhooks.Listed, secret: String? = nil) -> JSONTree {
        let registration = hook.registration
        var object: [String: JSONTree] = [
            "id": .string(hook.id), "url": .string(registration.url),
            "events": .array(registration.events.map { .string($0) }),
            "balance_low_threshold": .integer(registration.balanceLowThreshold),
            "active": .bool(registration.isActive), "created_at": JSONTree(hook.createdAt),
        ]
        if let secret { object["secret"] = .string(secret) }
        return .object(object)
    }

    /// The webhook that the path names.
    private static func named(
        _ id: String, of user: String, in database: Database
    ) throws -> Webhooks.Listed {
        guard let hook = try Webhooks.find(id, of: user, in: database) else { throw unknown }
        return hook
    }

    private func make(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        guard let url = asked.url else { throw APIError.badRequest("url is needed") }
        let registration = try applied(asked, to: Webhooks.Registration(url: url))
        do {
            let answer = try await services.store.write { database in
                let made = try Webhooks.make(registration, of: user, now: .now, in: database)
                return Self.answer(try Self.named(made.id, of: user, in: database), secret: made.secret)
            }
            return JSONAnswer.response(answer, status: .created)
        } catch is Webhooks.TooMany {
            throw APIError(
                .conflict, "limit_reached", "an account has at most \(Webhooks.perAccountMax) webhooks")
        }
    }

    private func list(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let hooks = try await services.store.read { try Webhooks.all(of: user, in: $0) }
        return JSONAnswer.response(["webhooks": .array(hooks.map { Self.answer($0) })] as JSONTree)
    }

    private func show(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        return JSONAnswer.response(
            Self.answer(try await services.store.read { try Self.named(id, of: user, in: $0) }))
    }

    private func change(_ request: Request, _ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let asked = try await JSONRequest.decode(Asked.self, from: request)
        let hook = try await services.store.write { database in
            let hook = try Self.named(id, of: user, in: database)
            try Webhooks.change(id, to: try applied(asked, to: hook.registration), now: .now, in: database)
            return try Self.named(id, of: user, in: database)
        }
        return JSONAnswer.response(Self.answer(hook))
    }

    private func remove(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        guard try await services.store.write({ try Webhooks.remove(id, of: user, now: .now, in: $0) }) else {
            throw Self.unknown
        }
        return JSONAnswer.response(["success": true] as JSONTree)
    }

    /// The last hundred, newest first.
    private func deliveries(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let log = try await services.store.read { database in
            _ = try Self.named(id, of: user, in: database)
            return try Webhooks.deliveries(of: user, webhook: id, limit: Self.linesMax, in: database)
        }
        let lines = log.map { line -> JSONTree in
            [
                "id": .string(line.id), "event_id": .string(line.eventID), "type": .string(line.type),
                "state": .string(line.state), "attempts": .integer(line.attempts),
                "last_status": JSONTree(line.lastStatus), "last_error": JSONTree(line.lastError),
                "next_attempt_at": line.state == "pending" ? JSONTree(line.nextAttemptAt) : .null,
                "created_at": JSONTree(line.createdAt),
            ]
        }
        return JSONAnswer.response(["deliveries": .array(lines)] as JSONTree)
    }

    /// Sends the same event once more, as a delivery of its own.
    private func redeliver(_ context: QuotaContext) async throws -> Response {
        let user = try context.requirePrincipal().userID
        let id = try JSONRequest.parameter("id", of: context)
        let delivery = try JSONRequest.parameter("delivery", of: context)
        let made = try await services.store.write { database in
            _ = try Self.named(id, of: user, in: database)
            return try Webhooks.redeliver(delivery, of: user, webhook: id, now: .now, in: database)
        }
        guard let made else { throw APIError.notFound("no such delivery") }
        return JSONAnswer.response(["id": .string(made), "state": "pending"] as JSONTree, status: .accepted)
    }
}

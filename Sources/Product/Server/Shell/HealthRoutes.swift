import GRDB
import HTTPTypes
import Hummingbird

/// For whoever watches the server: `/healthz` is alive, `/readyz` can work, `/metrics` counts.
struct HealthRoutes {
    let services: ServerServices

    func add(to router: Router<QuotaContext>) {
        for path in ["health", "healthz"] {
            router.get(RouterPath(path)) { _, _ in "ok\n" }
        }
        router.get("readyz") { _, _ -> Response in
            // A write lock is not needed to know that the file can be read and is ours.
            let isReady = try? await services.store.read { database in
                try Bool.fetchOne(database, sql: "SELECT value = 0 FROM ledger_zero")
            }
            return Self.plain(isReady == true ? "ready\n" : "the database can't be read\n", isReady == true)
        }
        router.get("metrics") { request, context -> Response in
            guard mayRead(request, context) else {
                throw APIError(
                    .forbidden, "forbidden", "metrics are for this machine, or for a bearer of the metrics token",
                    hint: "set QUOTA_VOICE_METRICS_TOKEN")
            }
            let gauges = try await services.store.read { database in
                try Row.fetchOne(
                    database,
                    sql: """
                        SELECT (SELECT COUNT(*) FROM reservations WHERE settled_at IS NULL) AS open,
                            (SELECT balance FROM ledger_accounts WHERE kind = 'earned') AS earned,
                            (SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'pending') AS pending
                        """
                ).map { row -> [(name: String, help: String, value: Int)] in
                    [
                        ("reservations_open", "Reservations that are not settled.", row["open"]),
                        ("credits_earned", "Credits billed, ever.", row["earned"]),
                        ("webhook_deliveries_pending", "Deliveries that wait.", row["pending"]),
                    ]
                }
            }
            var response = Self.plain(services.metrics.text(gauges: gauges ?? []), true)
            response.headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
            return response
        }
    }

    /// From this machine itself, not through a proxy on it; or with the token.
    private func mayRead(_ request: Request, _ context: QuotaContext) -> Bool {
        if let token = services.metricsToken, let sent = Authentication.token(of: request.headers),
            equalInConstantTime(Token.hash(sent), Token.hash(token))
        {
            return true
        }
        let isForwarded = Self.forwarding.contains { request.headers[$0] != nil }
        return !isForwarded && context.isFromThisMachine
    }

    /// Proxies add one of these (RFC 7239, and what came before it).
    private static let forwarding = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"].compactMap {
        HTTPField.Name($0)
    }

    private static func plain(_ text: String, _ isGood: Bool) -> Response {
        Response(
            status: isGood ? .ok : .serviceUnavailable,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Counts every request by its route's template, and logs it; neither a path's names nor a query gets there.
struct RequestWatch: RouterMiddleware {
    typealias Context = QuotaContext
    let metrics: ServerMetrics

    func handle(
        _ request: Request, context: QuotaContext,
        next: (Request, QuotaContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let path = context.endpointPath ?? "none"
        metrics.countRequest(
            method: Self.methods.contains(request.method) ? request.method.rawValue : "other", path: path,
            status: response.status.code, seconds: seconds)
        context.logger.debug(
            "request",
            metadata: [
                "method": "\(request.method.rawValue.prefix(16))", "route": "\(path)",
                "status": "\(response.status.code)", "seconds": "\(seconds)",
            ])
        return response
    }

    private static let methods: Set<HTTPRequest.Method> = [.get, .post, .put, .patch, .delete, .head, .options]
}

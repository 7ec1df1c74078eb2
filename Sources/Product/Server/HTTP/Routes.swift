import Hummingbird
import VoiceRelay

/// Every endpoint of the server, area by area.
enum Routes {
    static func router(_ services: ServerServices) -> Router<QuotaContext> {
        let router = Router(context: QuotaContext.self)
        router.add(middleware: ErrorAnswers())
        router.get("health") { _, _ in "ok\n" }
        router.get(RouterPath(RelayProtocol.path)) { _, _ -> Response in
            Response(status: .upgradeRequired, headers: [.upgrade: "websocket"])
        }
        OAuthRoutes(provider: OAuthProvider(services)).add(to: router)
        // Each area adds its own: `XRoutes(services).add(to: router)`.
        return router
    }
}

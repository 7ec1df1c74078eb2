import Hummingbird
import VoiceRelay

/// Every endpoint of the server, area by area.
enum Routes {
    static func router(_ services: ServerServices, voices: [String]) -> Router<QuotaContext> {
        let router = Router(context: QuotaContext.self)
        router.add(middleware: ErrorAnswers())
        router.get("health") { _, _ in "ok\n" }
        router.get(RouterPath(RelayProtocol.path)) { _, _ -> Response in
            Response(status: .upgradeRequired, headers: [.upgrade: "websocket"])
        }
        OAuthRoutes(provider: OAuthProvider(services), voices: voices).add(to: router)
        // Each area adds its own: `XRoutes(services).add(to: router)`.
        return router
    }
}

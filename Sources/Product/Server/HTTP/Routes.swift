import Hummingbird
import VoiceRelay

/// Every endpoint of the server, area by area.
enum Routes {
    static func router(_ services: ServerServices, voices: [String], meters: @escaping LiveMeter.Source) -> Router<
        QuotaContext
    > {
        let router = Router(context: QuotaContext.self, options: .autoGenerateHeadEndpoints)
        let methods = MethodTable()
        defer { methods.fill(from: router) }
        router.add(middleware: CrossOrigin())
        router.add(middleware: RequestWatch(metrics: services.metrics))
        router.add(middleware: ErrorAnswers(methods: methods))
        router.add(middleware: AddressLimit(limiter: services.limiter))
        HealthRoutes(services: services).add(to: router)
        router.get(RouterPath(RelayProtocol.path)) { _, _ -> Response in
            RelayUpgrade.upgradeRequired
        }
        AccountRoutes(services: services).add(to: router)
        KeyRoutes(services: services).add(to: router)
        AppRoutes(services: services).add(to: router)
        WalletRoutes(services: services).add(to: router)
        CatalogRoutes(services: services).add(to: router)
        ChatRoutes(services: services).add(to: router)
        WebhookRoutes(services: services).add(to: router)
        OAuthRoutes(provider: OAuthProvider(services), voices: voices, meters: meters).add(to: router)
        return router
    }
}

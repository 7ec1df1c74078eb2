import Hummingbird

/// The provider's endpoints and the pages that belong to them.
struct OAuthRoutes: Sendable {
    let provider: OAuthProvider
    /// Names of the voices that the relay has.
    let voices: [String]
    let meters: LiveMeter.Source

    func add(to router: Router<QuotaContext>) {
        IdentityRoutes(provider: provider).add(to: router)
        AuthorizeRoutes(provider: provider).add(to: router)
        TokenRoutes(provider: provider).add(to: router)
        EndSessionRoutes(provider: provider).add(to: router)
        LoginRoutes(provider: provider, passwords: provider.services.passwords).add(to: router)
        CheckoutRoutes(provider: provider).add(to: router)
        let shell = DashboardShell(provider: provider)
        OverviewView(shell: shell, meters: meters).add(to: router)
        TryView(shell: shell, voices: voices).add(to: router)
        KeysView(shell: shell).add(to: router)
        AppsView(shell: shell).add(to: router)
        WebhooksView(shell: shell).add(to: router)
    }
}

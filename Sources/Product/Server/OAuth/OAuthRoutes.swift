import Hummingbird

/// The provider's endpoints and the pages that belong to them.
struct OAuthRoutes: Sendable {
    let provider: OAuthProvider

    func add(to router: Router<QuotaContext>) {
        IdentityRoutes(provider: provider).add(to: router)
        AuthorizeRoutes(provider: provider).add(to: router)
        TokenRoutes(provider: provider).add(to: router)
        EndSessionRoutes(provider: provider).add(to: router)
        LoginRoutes(provider: provider, passwords: provider.passwords).add(to: router)
        let shell = DashboardShell(provider: provider)
        AppsView(shell: shell).add(to: router)
    }
}

import HTTPTypes
import Hummingbird

/// /checkout/ID: where a person pays. The local server takes no money: a button does.
///
/// Whoever has the address may pay, as with any invoice; its 128 random bits keep it from being guessed.
struct CheckoutRoutes: Sendable {
    let provider: OAuthProvider
    private static let purpose = "checkout"

    func add(to router: Router<QuotaContext>) {
        router.get("checkout/success") { _, _ in
            Self.message("The credits are there", "You can close this page.")
        }
        router.get("checkout/cancel") { _, _ in
            Self.message("Nothing was bought", "You can close this page.")
        }
        router.get("checkout/:id") { request, context in try await show(request, context, now: .now) }
        router.post("checkout/:id/pay") { request, context in try await act(request, context, pays: true, now: .now) }
        router.post("checkout/:id/cancel") { request, context in
            try await act(request, context, pays: false, now: .now)
        }
    }

    private static func message(
        _ title: String, _ sentence: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        PagePolicy().response(MessagePage(title: title, sentence: sentence).html, status: status)
    }

    private static let unknown = message(
        "There is no such checkout", "Its address is wrong, or it is from another server.", status: .notFound)

    private func show(_ request: Request, _ context: QuotaContext, now: WallTime) async throws -> Response {
        let id = context.parameters.get("id") ?? ""
        let found = try await provider.store.read { database in try Checkout.find(id, in: database) }
        guard let checkout = found else { return Self.unknown }
        return page(checkout, request, now: now)
    }

    /// The page for a checkout in whatever state it is.
    private func page(_ checkout: Checkout, _ request: Request, now: WallTime, problem: String? = nil) -> Response {
        switch checkout.state {
        case .paid where checkout.refundedAt != nil: return Self.message("Taken back", "The credits were paid back.")
        case .paid:
            return Self.message("Paid", "\(CreditText.dollars(checkout.credits)) of credits are in the wallet.")
        case .cancelled: return Self.message("Cancelled", "Nothing was bought.")
        case .open: break
        }
        guard checkout.expiresAt > now else {
            return Self.message("Too late", "This checkout has expired. Start again.", status: .gone)
        }
        let known = provider.cookies.formSecret(of: request)
        let secret = known ?? RandomText.make(characters: 43)
        let field = FormGuard.field(secret: secret, purpose: Self.purpose)
        let note: HTML? = problem.map { "<p class=\"note bad\" role=\"alert\">\($0)</p>" }
        let price = CatalogText.price(cents: checkout.priceCents)
        let html = PageFrame(title: "Buy credits").around(
            """
            <section class="card"><h1>Buy credits</h1>\(note)
            <p class="big">\(CreditText.dollars(checkout.credits))</p>
            <p class="soft">of credits for \(price). This local server takes no money: the button fills the wallet.</p>
            <div class="actions">
            <form class="actions" method="post" action="/checkout/\(checkout.id)/pay">\(field)\
            <button type="submit">Pay \(price)</button></form>
            <form class="actions" method="post" action="/checkout/\(checkout.id)/cancel">\(field)\
            <button class="plain" type="submit">Cancel</button></form>
            </div></section>
            """)
        let targets = [checkout.successURL, checkout.cancelURL].compactMap { RedirectAddress($0)?.origin }
        let policy = PagePolicy(formTarget: targets.isEmpty ? nil : targets.joined(separator: " "))
        return policy.response(html, cookies: known == nil ? [provider.cookies.settingForm(secret)] : [])
    }

    private func act(
        _ request: Request, _ context: QuotaContext, pays: Bool, now: WallTime
    ) async throws -> Response {
        let id = context.parameters.get("id") ?? ""
        let fields = try await request.formFields() ?? FormFields()
        let isOurs = FormGuard.admits(
            fields, secret: provider.cookies.formSecret(of: request), purpose: Self.purpose,
            fetchSite: request.headers[.fetchSite])
        guard isOurs else {
            let found = try await provider.store.read { database in try Checkout.find(id, in: database) }
            guard let found else { return Self.unknown }
            return page(found, request, now: now, problem: "This form was too old. Please press again.")
        }
        let outcome = try await provider.store.write { database in
            try pays ? Checkout.pay(id, now: now, in: database) : Checkout.cancel(id, now: now, in: database)
        }
        guard let outcome else { return Self.unknown }
        switch outcome.state {
        case .open: return page(outcome, request, now: now)
        case .paid: return .seeOther(outcome.successURL)
        case .cancelled: return .seeOther(outcome.cancelURL)
        }
    }
}

/// Prices in words.
enum CatalogText {
    /// "$5.00"
    static func price(cents: Int) -> String { CreditText.dollars(cents * 10_000) }
}

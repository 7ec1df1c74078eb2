import Foundation
import GRDB
import HTTPTypes
import Hummingbird

/// The first page: what is there to spend, what it was spent on, and who speaks now.
struct OverviewView: Sendable {
    let shell: DashboardShell
    /// The meters of the sessions that are open now, by session id.
    let meters: LiveMeter.Source
    private static let view = DashboardShell.View(path: "/", title: "Overview", scripts: [LiveScript.path])
    private static let linesMax = 50

    private var store: Store { shell.provider.store }

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in try await content(session) }
        router.get(RouterPath(LiveScript.path)) { _, _ in
            StaticAsset.response(LiveScript.text, type: "text/javascript; charset=utf-8")
        }
        router.get("dashboard/live") { request, _ in
            guard let session = try await shell.provider.session(of: request, now: .now) else {
                throw APIError.noCredential
            }
            return PageData.json(try await live(session))
        }
        shell.post("/dashboard/topup", on: router) { session, fields, request in
            let home = shell.provider.issuer(of: request) + "/"
            let id = try await store.write { database in
                try Checkout.open(
                    package: fields["package"] ?? "", for: session.userID, successURL: home, cancelURL: home, now: .now,
                    in: database)
            }
            return .seeOther(id.map { "/checkout/\($0)" } ?? "/")
        }
    }

    /// What the page's script asks for once a second.
    struct Live: Encodable, Sendable {
        struct Session: Encodable, Sendable {
            let id: String
            let voice: String
            let seconds: Double
            let credits: Int
            let meter: LiveMeter?
        }

        let balance: String
        let sessions: [Session]
    }

    private func live(_ session: BrowserSession) async throws -> Live {
        let meters = meters()
        return try await store.read { [userID = session.userID] database in
            let sessions = try Row.fetchAll(
                database,
                sql: """
                    SELECT v.id, v.voice, v.samples, r.used FROM voice_sessions v
                    JOIN reservations r ON r.id = v.reservation_id
                    WHERE v.user_id = ? AND v.ended_at IS NULL ORDER BY v.started_at LIMIT 100
                    """, arguments: [userID]
            ).map { row in
                Live.Session(
                    id: row["id"], voice: row["voice"], seconds: Double(row["samples"] as Int) / 16_000,
                    credits: row["used"], meter: meters[row["id"] as String])
            }
            let balance = try Ledger.balance(of: userID, in: database)
            return Live(balance: balance.map(CreditText.dollars) ?? "no wallet", sessions: sessions)
        }
    }

    private func content(_ session: BrowserSession) async throws -> HTML {
        let now = try await live(session)
        let (lines, packages) = try await store.read { [userID = session.userID] database in
            (
                try ActivityLine.latest(Self.linesMax, of: userID, in: database),
                try Row.fetchAll(
                    database, sql: "SELECT * FROM packages WHERE retired_at IS NULL ORDER BY price_cents"
                ).map { row -> (id: String, credits: Int, cents: Int) in
                    (row["id"], row["credits"], row["price_cents"])
                }
            )
        }
        let buttons = packages.map { package in
            DashboardShell.button(
                "Add \(CreditText.dollars(package.credits))", to: "/dashboard/topup", session,
                fields: [("package", package.id)])
        }
        let rows: [HTML] = lines.map { line in
            let sign: HTML = line.amount < 0 ? "minus" : "plus"
            return """
                <tr><td>\(DashboardShell.time(line.at))</td><td>\(line.words)</td>
                <td class="number \(sign)">\(line.amount > 0 ? "+" : "")\(CreditText.dollars(line.amount))</td></tr>
                """
        }
        let table = DashboardShell.table(
            ["<th>When (UTC)</th>", "<th>What</th>", "<th class=\"number\">Amount</th>"], rows, empty: "Nothing yet.")
        return """
            <div class="grid">
            <section class="card"><h1>Balance</h1><p class="big" id="balance">\(now.balance)</p>
            <div class="actions">\(buttons)</div></section>
            <section class="card"><h2>Speaking now</h2><div id="live" aria-live="polite"></div>
            <noscript><p class="soft">\(now.sessions.count) sessions when this page was made.</p></noscript></section>
            </div>
            <section class="card"><h2>Activity</h2>\(table)</section>
            """
    }
}

/// What the relay measures of an open session.
struct LiveMeter: Encodable, Sendable {
    typealias Source = @Sendable () -> [String: LiveMeter]

    /// Peaks of the last frame, full scale 1.
    let input: Float
    let output: Float
    /// By how much sound comes back later than it was given.
    let delayMilliseconds: Double
}

/// A movement of a wallet, in words.
struct ActivityLine: Sendable {
    let at: WallTime
    let words: String
    /// Credits.
    let amount: Int

    /// The newest first: what came in, what was billed, and what is set aside for something that still runs.
    static func latest(_ count: Int, of userID: String, in database: Database) throws -> [ActivityLine] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT t.created_at AS at, t.kind AS kind, NULL AS model, e.amount AS amount
                FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
                JOIN ledger_accounts a ON a.id = e.account_id
                WHERE a.user_id = ?1 AND a.kind = 'wallet' AND t.kind IN ('welcome', 'key', 'purchase')
                UNION ALL
                SELECT COALESCE(settled_at, created_at), CASE WHEN settled_at IS NULL THEN 'open' ELSE 'billed' END,
                    model, -CASE WHEN settled_at IS NULL THEN credits ELSE used END
                FROM reservations WHERE user_id = ?1
                ORDER BY at DESC LIMIT ?2
                """, arguments: [userID, count]
        ).map { row in
            let model: String = row["model"] ?? ""
            let words =
                switch row["kind"] as String {
                case "welcome": "Welcome credits"
                case "key": "Credits of a key file"
                case "purchase": (row["amount"] as Int) < 0 ? "Purchase taken back" : "Bought credits"
                case "open": "Set aside for \(model), running"
                default: model
                }
            return ActivityLine(at: row["at"], words: words, amount: row["amount"])
        }
    }
}

/// JSON for this server's own pages: for no other origin.
enum PageData {
    static func json(_ value: some Encodable) -> Response {
        var response = OAuthAnswer.json(value)
        response.headers[.accessControlAllowOrigin] = nil
        response.headers[HTTPField.Name("Cross-Origin-Resource-Policy")!] = "same-origin"
        return response
    }
}

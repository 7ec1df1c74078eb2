import GRDB
import Hummingbird
import VoiceRelay

/// A voice changer in the browser: microphone to the relay, relay to the speaker.
struct TryView: Sendable {
    let shell: DashboardShell
    /// Names of the voices that the relay has.
    let voices: [String]
    private static let view = DashboardShell.View(
        path: "/dashboard/try", title: "Try a voice", scripts: [VoiceScript.path], allowsMicrophone: true)
    /// The script opens its session at once.
    private static let tokenSeconds: Int64 = 60

    func add(to router: Router<QuotaContext>) {
        shell.get(Self.view, on: router) { session, _ in content(session) }
        for (path, text) in [(VoiceScript.path, VoiceScript.text), (VoiceWorklet.path, VoiceWorklet.text)] {
            router.get(RouterPath(path)) { _, _ in
                StaticAsset.response(text, type: "text/javascript; charset=utf-8")
            }
        }
        shell.post("/dashboard/voice-token", on: router) { session, _, _ in
            let token = try await shell.provider.store.write { database in
                try Self.token(of: session, now: .now, in: database)
            }
            return PageData.json(["access_token": token])
        }
    }

    /// For the first frame of a session: the cookie itself must not leave for a script.
    private static func token(of session: BrowserSession, now: WallTime, in database: Database) throws -> String? {
        guard let client = try OAuthClient.find(BuiltInApps.dashboardClientID, in: database) else { return nil }
        let scopes: Set<Scope> = [.creditsRead, .creditsSpend]
        let grant = try Grant.allow(scopes, appID: client.appID, userID: session.userID, now: now, in: database)
        let family = TokenFamily(
            id: Identifier.family.make(), appID: client.appID, userID: session.userID, grantID: grant,
            scopes: scopes, authTime: session.authTime)
        return try family.issueAccess(seconds: tokenSeconds, now: now, in: database)
    }

    private func content(_ session: BrowserSession) -> HTML {
        let options: [HTML] = voices.map { "<option>\($0)</option>" }
        let token = FormGuard.token(secret: session.secret, purpose: DashboardShell.purpose)
        return """
            <section class="card" id="try" data-form-token="\(token)" data-relay="\(RelayProtocol.path)" \
            data-format="\(RelayProtocol.formatPCM)" data-worklet="\(VoiceWorklet.path)">
            <h1>Try a voice</h1>
            <p id="state" class="note" role="status">Your microphone goes to this server and comes back in another \
            voice. A second costs \(CreditText.dollars(RelayProtocol.creditsPerSecond)).</p>
            <label for="voice">Voice</label><select id="voice">\(options)</select>
            <div class="actions"><button id="start" type="button" disabled>Start</button>
            <button id="stop" class="plain" type="button" disabled>Stop</button></div>
            <noscript><p class="note bad">This page alone needs JavaScript: it moves sound.</p></noscript>
            </section>
            <section class="card"><div class="grid">
            <p><label for="in">Microphone</label><meter id="in" min="0" max="1" value="0"></meter></p>
            <p><label for="out">Speaker</label><meter id="out" min="0" max="1" value="0"></meter></p>
            <p><strong>Delay</strong><br><span id="delay">–</span></p>
            <p><strong>Heard</strong><br><span id="heard">–</span></p>
            <p><strong>Cost</strong><br><span id="cost">–</span></p>
            </div></section>
            """
    }
}

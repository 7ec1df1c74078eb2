/// What an app may be allowed to do in a user's name.
package enum Scope: String, CaseIterable, Sendable {
    case openid
    case profile
    case email
    case creditsRead = "credits.read"
    case creditsSpend = "credits.spend"
    case accountRead = "account.read"
    case accountWrite = "account.write"
    case appsRead = "apps.read"
    case appsWrite = "apps.write"

    /// The scopes of a space-delimited list (RFC 6749 §3.3); `nil` when one of them is none of ours.
    package static func parse(_ text: some StringProtocol) -> Set<Scope>? {
        var scopes: Set<Scope> = []
        for word in text.split(separator: " ") {
            guard let scope = Scope(rawValue: String(word)) else { return nil }
            scopes.insert(scope)
        }
        return scopes
    }

    /// Space-delimited, in the order of their declaration.
    package static func format(_ scopes: Set<Scope>) -> String {
        allCases.filter(scopes.contains).map(\.rawValue).joined(separator: " ")
    }
}

import Crypto
import Foundation

/// Names of things: a prefix that says what it is, and 128 random bits. No secret.
package enum Identifier: String {
    case user = "user_"
    case session = "session_"
    case key = "key_"
    case app = "app_"
    case grant = "grant_"
    case family = "family_"
    case clientID = "quota_client_"
    case reservation = "res_"
    case voiceSession = "v2v_"
    case completion = "chatcmpl-"
    case checkout = "cs_"
    case webhook = "wh_"
    case event = "evt_"
    case delivery = "dlv_"

    package func make() -> String { rawValue + RandomText.make(characters: 22) }
}

/// Secrets that someone holds and the database knows by their hash alone.
package enum Token: String {
    /// A developer's session, 24 hours.
    case session = "sess_"
    case apiKey = "sk-quota-"
    case clientSecret = "quota_secret_"
    case access = "quota_token_"
    case refresh = "quota_refresh_"
    case authorizationCode = "quota_code_"
    /// Kept as it is, for deliveries are signed with it.
    case webhookSecret = "whsec_"

    /// 256 random bits behind the prefix.
    package func make() -> String { rawValue + RandomText.make(characters: 43) }

    /// What the database keeps of a token: SHA-256 of its UTF-8. Tokens hold 256 random bits, so no salt is needed.
    package static func hash(_ token: String) -> Data {
        Data(SHA256.hash(data: Data(token.utf8)))
    }

    /// What may be shown of a secret so that its owner knows it again.
    package static func hint(_ token: String) -> String {
        guard token.utf8.count >= 24 else { return "…" }
        return "\(token.prefix(12))…\(token.suffix(4))"
    }
}

/// Random letters and digits, just under six bits each, from the system's CSPRNG.
package enum RandomText {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    package static func make(characters: Int) -> String {
        // Swift's system generator reads the kernel's CSPRNG on Linux; `randomElement` is without bias.
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<characters).map { _ in
            alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Compares all bytes, so that the time taken does not tell how many were right.
package func equalInConstantTime(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    var difference = left.count ^ right.count
    for (one, other) in zip(left, right) { difference |= Int(one ^ other) }
    return difference == 0
}

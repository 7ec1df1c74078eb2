import Crypto
import CryptoExtras
import Foundation
import JWTKit

/// One RSA key that signs, or signed, id_tokens.
package struct SigningKey: Sendable, Equatable {
    /// The key's thumbprint (RFC 7638), so the same key always has the same name.
    package let kid: String
    /// PKCS #1 or #8, in PEM. As good as the server itself: kept 0600 and never logged.
    package let pem: String
    package let createdAt: WallTime

    /// Signs until then.
    var retiresAt: WallTime { createdAt.adding(seconds: SigningKeySchedule.lifeSeconds) }
    /// Is published until then.
    var expiresAt: WallTime { retiresAt.adding(seconds: SigningKeySchedule.overlapSeconds) }

    /// Makes a key of 2,048 bits: some tenths of a second of one core.
    package static func make(now: WallTime) throws -> SigningKey {
        try SigningKey(pem: _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation, createdAt: now)
    }

    package init(pem: String, createdAt: WallTime) throws {
        self.pem = pem
        self.createdAt = createdAt
        kid = try PublicSigningKey(JWTKit.Insecure.RSA.PrivateKey(pem: pem).publicKey).kid
    }

    var published: PublicSigningKey {
        get throws { try PublicSigningKey(JWTKit.Insecure.RSA.PrivateKey(pem: pem).publicKey) }
    }
}

/// What others check a signature with (RFC 7517 §4, RFC 7518 §6.3.1).
struct PublicSigningKey: Sendable, Equatable, Encodable {
    let kty = "RSA"
    let use = "sig"
    let alg = "RS256"
    let kid: String
    let n: String
    let e: String

    init(_ key: JWTKit.Insecure.RSA.PublicKey) throws {
        let numbers = try key.getKeyPrimitives()
        n = Base64URLText.encode(numbers.modulus)
        e = Base64URLText.encode(numbers.publicExponent)
        // RFC 7638 §3: the required members alone, in this order, without spaces.
        let members = #"{"e":"\#(e)","kty":"RSA","n":"\#(n)"}"#
        kid = Base64URLText.encode(SHA256.hash(data: Data(members.utf8)))
    }
}

/// Which key signs and which are shown, at a moment: keys follow each other with overlap.
///
/// A key is published some time before it signs, as clients keep the key set for an hour; and it stays published until
/// everything it signed has expired.
package struct SigningKeySchedule: Sendable, Equatable {
    package static let leadSeconds: Int64 = 2 * 3_600
    package static let lifeSeconds: Int64 = 30 * 86_400
    package static let overlapSeconds: Int64 = 2 * 86_400

    /// Oldest first.
    package private(set) var keys: [SigningKey]

    package init(_ keys: [SigningKey]) { self.keys = keys.sorted { $0.createdAt < $1.createdAt } }

    /// Whether a new key is due; also where there is none.
    package func needsKey(now: WallTime) -> Bool {
        guard let newest = keys.last else { return true }
        return newest.retiresAt <= now.adding(seconds: Self.leadSeconds)
    }

    /// The newest key that everybody had the time to see; the oldest where none is that old.
    package func signer(now: WallTime) -> SigningKey? {
        keys.last { $0.createdAt.adding(seconds: Self.leadSeconds) <= now } ?? keys.first
    }

    package mutating func add(_ key: SigningKey) { self = SigningKeySchedule(keys + [key]) }

    /// Forgets keys of which nothing is valid any more; never the last one.
    package mutating func dropExpired(now: WallTime) {
        guard let newest = keys.last else { return }
        keys = keys.filter { $0.expiresAt > now || $0 == newest }
    }
}

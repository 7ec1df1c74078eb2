import Foundation
import JWTKit

/// The claims of an id_token (OpenID Connect Core §2, §5.1).
struct IdentityClaims: JWTPayload, Equatable {
    var iss: String
    var sub: String
    var aud: String
    var exp: Int
    var iat: Int
    var authTime: Int
    var nonce: String?
    var email: String?
    var emailVerified: Bool?
    var name: String?
    var picture: String?

    enum CodingKeys: String, CodingKey {
        case iss, sub, aud, exp, iat, nonce, email, name, picture
        case authTime = "auth_time"
        case emailVerified = "email_verified"
    }

    /// The signature alone: an id_token_hint may have expired (OpenID Connect RP-Initiated Logout §2).
    func verify(using algorithm: some JWTAlgorithm) {}
}

/// Signs and checks id_tokens. RS256 alone: the algorithm is the key's, never the token's.
enum IdentityToken {
    static let lifeSeconds = 3_600
    private static let bytesMax = 64 << 10

    static func sign(_ claims: IdentityClaims, with key: SigningKey) async throws -> String {
        let kid = JWKIdentifier(string: key.kid)
        let keys = try await JWTKeyCollection().add(
            rsa: JWTKit.Insecure.RSA.PrivateKey(pem: key.pem), digestAlgorithm: .sha256, kid: kid)
        return try await keys.sign(claims, kid: kid)
    }

    /// The claims of a token that one of `keys` signed, expired or not; `nil` for any other.
    static func claims(of token: String, keys: [SigningKey]) async -> IdentityClaims? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        struct Header: Decodable {
            var alg: String
            var kid: String
        }
        guard token.utf8.count <= bytesMax, parts.count == 3, let bytes = Base64URLText.decode(parts[0]),
            let header = try? JSONDecoder().decode(Header.self, from: bytes), header.alg == "RS256",
            let key = keys.first(where: { $0.kid == header.kid }),
            let rsa = try? JWTKit.Insecure.RSA.PrivateKey(pem: key.pem).publicKey
        else { return nil }
        let collection = await JWTKeyCollection().add(
            rsa: rsa, digestAlgorithm: .sha256, kid: JWKIdentifier(string: key.kid))
        return try? await collection.verify(token, as: IdentityClaims.self)
    }
}

import Foundation
import JWTKit

/// Who signed in, by a verified id_token.
public struct QuotaIdentity: Sendable, Hashable, Codable {
    /// The user's id, for ever.
    public var subject: String
    public var email: String?
    public var emailVerified: Bool?
    public var name: String?
    public var picture: String?
    public var authenticatedAt: Date?
}

/// Why an id_token is not taken.
public enum IDTokenFailure: Sendable, Equatable, CustomStringConvertible {
    case malformed
    /// RS256 alone is taken: never `none`, never an HMAC.
    case algorithm
    case unknownKey
    /// RSA below 2,048 bits, or a key that is not one.
    case weakKey
    case signature
    case issuer
    case audience
    case authorizedParty
    case expired
    /// Issued in the future, or not valid yet.
    case fromFuture
    case nonce

    public var description: String {
        switch self {
        case .malformed: "it is not a token of this kind"
        case .algorithm: "it is not signed with RS256"
        case .unknownKey: "its key is not among the server's"
        case .weakKey: "its key is too weak"
        case .signature: "its signature is wrong"
        case .issuer: "another server made it"
        case .audience, .authorizedParty: "it was made for another program"
        case .expired: "it has expired; check the clock"
        case .fromFuture: "it is from the future; check the clock"
        case .nonce: "it belongs to another sign-in"
        }
    }
}

/// The checks of OpenID Connect Core §3.1.3.7, in one place.
struct IDTokenVerifier: Sendable {
    static let leewaySeconds: TimeInterval = 60
    static let bytesMax = 64 << 10

    let issuer: String
    let clientID: String

    struct Header: Decodable {
        var alg: String
        var kid: String?
        var crit: [String]?
    }

    /// Reads the header, so that the key can be found. Trusts nothing of it.
    static func header(of token: String) throws(SignInError) -> Header {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= bytesMax, parts.count == 3, let bytes = Base64URL.decode(parts[0]),
            let header = try? JSONDecoder().decode(Header.self, from: bytes), JSONNames.areUnique(in: bytes)
        else { throw .idToken(.malformed) }
        guard header.alg == "RS256" else { throw .idToken(.algorithm) }
        // RFC 7515 §4.1.11: what must be understood and isn't.
        guard header.crit == nil, !parts[2].isEmpty, let claims = Base64URL.decode(parts[1]),
            JSONNames.areUnique(in: claims), Base64URL.decode(parts[2]) != nil
        else { throw .idToken(.malformed) }
        return header
    }

    /// - Parameter key: the server's key that the header names.
    func verify(_ token: String, key: SigningKey, nonce: String?, now: Date) async throws -> QuotaIdentity {
        let keys = JWTKeyCollection()
        let identifier = JWKIdentifier(string: key.kid ?? "only")
        // The algorithm is the key's, never the token's.
        await keys.add(rsa: key.rsa, digestAlgorithm: .sha256, kid: identifier)
        let claims: Claims
        do {
            claims = try await keys.verify(token, as: Claims.self)
        } catch is DecodingError {
            throw SignInError.idToken(.malformed)
        } catch let error as JWTError where error.errorType == .malformedToken {
            throw SignInError.idToken(.malformed)
        } catch {
            throw SignInError.idToken(.signature)
        }
        if let failure = failure(of: claims, nonce: nonce, now: now) { throw SignInError.idToken(failure) }
        return QuotaIdentity(
            subject: claims.sub, email: claims.email, emailVerified: claims.emailVerified, name: claims.name,
            picture: claims.picture, authenticatedAt: claims.authTime.map(Date.init(timeIntervalSince1970:)))
    }

    private func failure(of claims: Claims, nonce: String?, now: Date) -> IDTokenFailure? {
        let seconds = now.timeIntervalSince1970
        guard claims.iss == issuer else { return .issuer }
        guard claims.aud.contains(clientID) else { return .audience }
        if claims.aud.count > 1 || claims.azp != nil {
            guard claims.azp == clientID else { return .authorizedParty }
        }
        guard seconds < claims.exp + Self.leewaySeconds else { return .expired }
        guard claims.iat <= seconds + Self.leewaySeconds, claims.iat <= claims.exp,
            (claims.nbf ?? 0) <= seconds + Self.leewaySeconds
        else { return .fromFuture }
        guard !claims.sub.isEmpty, claims.sub.utf8.count <= 255 else { return .malformed }
        if let nonce {
            guard let returned = claims.nonce, isEqualInConstantTime(returned, nonce) else { return .nonce }
        }
        return nil
    }

    /// The checks of time and audience are ours, with our leeway: JWTKit's own have none.
    private struct Claims: JWTPayload {
        var iss: String
        var sub: String
        var aud: [String]
        var azp: String?
        var exp: Double
        var iat: Double
        var nbf: Double?
        var nonce: String?
        var email: String?
        var emailVerified: Bool?
        var name: String?
        var picture: String?
        var authTime: Double?

        private enum CodingKeys: String, CodingKey {
            case iss, sub, aud, azp, exp, iat, nbf, nonce, email, name, picture
            case emailVerified = "email_verified"
            case authTime = "auth_time"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            iss = try fields.decode(String.self, forKey: .iss)
            sub = try fields.decode(String.self, forKey: .sub)
            if let one = try? fields.decode(String.self, forKey: .aud) {
                aud = [one]
            } else {
                aud = try fields.decode([String].self, forKey: .aud)
            }
            azp = try fields.decodeIfPresent(String.self, forKey: .azp)
            exp = try fields.decode(Double.self, forKey: .exp)
            iat = try fields.decode(Double.self, forKey: .iat)
            nbf = try fields.decodeIfPresent(Double.self, forKey: .nbf)
            nonce = try fields.decodeIfPresent(String.self, forKey: .nonce)
            email = try fields.decodeIfPresent(String.self, forKey: .email)
            emailVerified = try fields.decodeIfPresent(Bool.self, forKey: .emailVerified)
            name = try fields.decodeIfPresent(String.self, forKey: .name)
            picture = try fields.decodeIfPresent(String.self, forKey: .picture)
            authTime = try fields.decodeIfPresent(Double.self, forKey: .authTime)
        }

        func encode(to encoder: any Encoder) throws {
            throw EncodingError.invalidValue(
                iss, EncodingError.Context(codingPath: [], debugDescription: "id_tokens are only read"))
        }

        func verify(using _: some JWTAlgorithm) {}
    }
}

/// A key that the server signs with.
struct SigningKey: Sendable {
    let kid: String?
    let rsa: Insecure.RSA.PublicKey

    /// The usable keys of a JWK set: RSA for signatures. Others are passed over, not trusted and not an error.
    static func keys(from set: JSONWebKeys) -> [SigningKey] {
        set.keys.prefix(100).compactMap { key in
            guard key.kty == "RSA", key.use ?? "sig" == "sig", key.alg ?? "RS256" == "RS256", let n = key.n,
                let e = key.e, let modulus = Base64URL.decode(n), bits(of: modulus) >= 2_048,
                let rsa = try? Insecure.RSA.PublicKey(modulus: n, exponent: e)
            else { return nil }
            return SigningKey(kid: key.kid, rsa: rsa)
        }
    }

    private static func bits(of modulus: Data) -> Int {
        guard let first = modulus.firstIndex(where: { $0 != 0 }) else { return 0 }
        return (modulus.endIndex - first) * 8 - modulus[first].leadingZeroBitCount
    }
}

/// A JWK set (RFC 7517), as far as RS256 needs it.
struct JSONWebKeys: Decodable, Sendable {
    struct Key: Decodable, Sendable {
        var kty: String?
        var kid: String?
        var use: String?
        var alg: String?
        var n: String?
        var e: String?
    }

    var keys: [Key]
}

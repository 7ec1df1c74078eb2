import Foundation
import QuotaAPI
import Testing

/// id_tokens signed, and forged, by another implementation (Python on openssl's keys).
@Suite struct IDTokenTests {
    private func oauth(_ world: World) throws -> QuotaOAuth {
        try QuotaOAuth(clientID: "client", redirectURI: "https://app.example/cb", options: world.options)
    }

    private func claims(_ world: World, _ changes: [String: QuotaJSON?] = [:], at date: Date = Date()) -> QuotaJSON {
        let now = Int(date.timeIntervalSince1970)
        var claims: [String: QuotaJSON] = [
            "iss": .string(world.baseURL), "aud": "client", "sub": "user_1", "iat": .integer(now),
            "exp": .integer(now + 300), "nonce": "n",
        ]
        for (name, value) in changes { claims[name] = value }
        return .object(claims)
    }

    private func token(_ claims: QuotaJSON, kid: String = "key-1", how: String = "RS256", header: QuotaJSON = [:])
        async throws -> String
    {
        let answer = try await Peer.shared.ask(
            "/_token", ["claims": claims, "kid": .string(kid), "how": .string(how), "header": header])
        return try #require(answer["token"]?.string)
    }

    private func failure(_ oauth: QuotaOAuth, _ token: String, nonce: String? = "n", now: Date = Date())
        async -> IDTokenFailure?
    {
        do {
            _ = try await oauth.verify(idToken: token, nonce: nonce, now: now)
            return nil
        } catch SignInError.idToken(let failure) {
            return failure
        } catch {
            Issue.record(error)
            return nil
        }
    }

    @Test func aGoodTokenIsTaken() async throws {
        let world = try await Peer.shared.world()
        let oauth = try oauth(world)
        let good = try await token(claims(world, ["email": "a@b", "auth_time": 5]))
        let identity = try await oauth.verify(idToken: good, nonce: "n")
        #expect(identity.subject == "user_1")
        #expect(identity.authenticatedAt == Date(timeIntervalSince1970: 5))
        for aud: QuotaJSON in [["client"], ["client", "other"]] {
            let list = try await token(claims(world, ["aud": aud, "azp": "client"]))
            #expect(await failure(oauth, list) == nil)
        }
    }

    @Test func wrongClaimsAreRefused() async throws {
        let world = try await Peer.shared.world()
        let oauth = try oauth(world)
        let date = Date()
        let now = Int(date.timeIntervalSince1970)
        let cases: [([String: QuotaJSON?], IDTokenFailure)] = [
            (["iss": "https://evil.example"], .issuer), (["iss": .string(world.baseURL + "/")], .issuer),
            (["aud": "other"], .audience), (["aud": []], .audience),
            (["aud": ["client", "other"]], .authorizedParty), (["azp": "other"], .authorizedParty),
            (["exp": .integer(now - 61)], .expired),
            (["exp": .integer(now - 3_600), "iat": .integer(now - 7_200)], .expired),
            (["iat": .integer(now + 120)], .fromFuture), (["nbf": .integer(now + 120)], .fromFuture),
            (["nonce": "m"], .nonce), (["nonce": .some(nil)], .nonce), (["sub": ""], .malformed),
            (["exp": .some(nil)], .malformed), (["iat": .some(nil)], .malformed), (["sub": 7], .malformed),
            (["aud": .some(nil)], .malformed),
        ]
        for (changes, expected) in cases {
            let found = await failure(oauth, try await token(claims(world, changes, at: date)), now: date)
            #expect(found == expected, "\(changes)")
        }
        // A minute of a clock's error is forgiven.
        for changes: [String: QuotaJSON?] in [
            ["exp": .integer(now - 30), "iat": .integer(now - 300)], ["iat": .integer(now + 30)],
        ] {
            #expect(await failure(oauth, try await token(claims(world, changes, at: date)), now: date) == nil)
        }
    }

    @Test func forgeriesAreRefused() async throws {
        let world = try await Peer.shared.world([:], ["kids": ["key-1", "small"]])
        let oauth = try oauth(world)
        let good = try await token(claims(world))
        #expect(await failure(oauth, good) == nil)
        for algorithm in ["none", "None", "nOnE", "HS256", "HS512", "RS512", "PS256", "ES256", ""] {
            for how in ["RS256", "none", "HS256"] {
                let forged = try await token(claims(world), how: how, header: ["alg": .string(algorithm)])
                #expect(await failure(oauth, forged) == .algorithm, "\(algorithm) \(how)")
            }
        }
        // RS256 in name, an HMAC with the public key in fact; none at all; another key's.
        #expect(await failure(oauth, try await token(claims(world), how: "HS256")) == .signature)
        #expect(await failure(oauth, try await token(claims(world), how: "none")) == .malformed)
        #expect(await failure(oauth, try await token(claims(world), how: "key:key-9")) == .signature)
        #expect(await failure(oauth, try await token(claims(world), kid: "small")) == .unknownKey)
        #expect(await failure(oauth, try await token(claims(world), header: ["crit": ["exp"]])) == .malformed)
        // The key that a token brings along is nobody's.
        let thief = try await Peer.shared.world([:], ["kids": ["key-9"]])
        let set = "/.well-known/jwks.json"
        let jwk = try #require(try await Peer.shared.ask("/w/\(thief.id)" + set, nil)["keys"]?.array?.first)
        let own: [String: QuotaJSON] = [
            "jwk": jwk, "jku": .string(thief.baseURL + set), "x5u": .string(thief.baseURL + set),
        ]
        for (kid, expected) in [("key-1", IDTokenFailure.signature), ("key-9", .unknownKey)] {
            let header = QuotaJSON.object(own.merging(["kid": .string(kid)]) { $1 })
            let embedded = try await token(claims(world), how: "key:key-9", header: header)
            #expect(await failure(oauth, embedded) == expected)
        }
        // Nor is it looked for where the token says: that one time was ours.
        #expect(try await thief.log().count == 1)
        let parts = good.split(separator: ".").map(String.init)
        let other = try await token(claims(world, ["sub": "admin"])).split(separator: ".").map(String.init)
        for text in [
            "\(parts[0]).\(other[1]).\(parts[2])", "\(parts[0]).\(parts[1]).\(other[2])",
            "\(parts[0]).\(parts[1]).\(String(repeating: "A", count: 342))",
        ] {
            #expect(await failure(oauth, text) == .signature)
        }
        for text in [
            "", ".", "..", "a.b.c", "\(parts[0]).\(parts[1])", good + ".x", good + "=", "ü" + good,
            String(repeating: "a", count: 100_000),
        ] {
            #expect(await failure(oauth, text) == .malformed, "\(text.prefix(20))")
        }
    }

    /// Signed by the right key, and yet of two meanings.
    @Test func aTokenThatSaysSomethingTwiceIsRefused() async throws {
        let world = try await Peer.shared.world()
        let oauth = try oauth(world)
        let good = String(
            decoding: try JSONEncoder().encode(claims(world, ["deep": ["sub": "x", "aud": [1, "sub"]]])), as: UTF8.self)
        #expect(await failure(oauth, try await token(.string(good))) == nil)
        for twice in [
            #""sub":"admin""#, #""aud":"other""#, #""nonce":"m""#, #""exp":99999999999"#,
            #""iss":"https://evil.example""#,
            #""\u0073ub":"admin""#, #""a\u0075d":["client"]"#,
        ] {
            for text in ["{\(twice),\(good.dropFirst())", "\(good.dropLast()),\(twice)}"] {
                #expect(await failure(oauth, try await token(.string(text))) == .malformed, "\(text)")
            }
        }
        for header in [
            #"{"alg":"none","alg":"RS256","kid":"key-1"}"#, #"{"alg":"RS256","kid":"key-1","kid":"key-9"}"#,
            #"{"alg":"RS256","kid":"key-1","\u0061lg":"RS256"}"#,
        ] {
            #expect(await failure(oauth, try await token(claims(world), header: .string(header))) == .malformed)
        }
    }

    @Test func aRotatedKeyIsFetchedAndAFloodIsNot() async throws {
        let first: QuotaJSON = [:]
        let world = try await Peer.shared.world(
            ["GET /.well-known/jwks.json": [["json": ["keys": []]], first]], ["kids": ["key-1", "key-2"]])
        let oauth = try oauth(world)
        let now = Date()
        let claims = claims(world, at: now)
        // The set is empty at first, and has both keys when asked again.
        #expect(await failure(oauth, try await token(claims), now: now) == .unknownKey)
        #expect(await failure(oauth, try await token(claims, kid: "key-2"), now: now) == nil)
        for index in 0..<20 {
            let unknown = try await token(claims, header: ["kid": .string("flood-\(index)")])
            #expect(await failure(oauth, unknown, now: now) == .unknownKey)
        }
        #expect(try await world.count("GET /.well-known/jwks.json") == 2)
        // A minute later it may look again, and an hour later it does.
        let flood = try await token(claims, header: ["kid": "flood"])
        #expect(await failure(oauth, flood, now: now.addingTimeInterval(61)) == .unknownKey)
        #expect(try await world.count("GET /.well-known/jwks.json") == 3)
    }

    @Test func otherKindsOfKeysArePassedOver() async throws {
        let jwks: QuotaJSON = [
            ["kty": "EC", "kid": "ec", "crv": "P-256", "x": "a", "y": "b"],
            ["kty": "oct", "kid": "oct", "k": "c2VjcmV0"],
            ["kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"], ["kty": "RSA", "kid": "half"], [:],
        ]
        let world = try await Peer.shared.world([:], ["jwks": jwks])
        let oauth = try oauth(world)
        #expect(await failure(oauth, try await token(claims(world))) == nil)
        // One usable key alone: a token need not name it.
        #expect(await failure(oauth, try await token(claims(world), header: ["kid": nil])) == nil)
    }
}

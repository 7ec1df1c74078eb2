import Foundation

/// A name that the server chose, of which it may add more.
public protocol QuotaName: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    init(rawValue: String)
}

extension QuotaName {
    public init(stringLiteral value: String) { self.init(rawValue: value) }
    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    public var description: String { rawValue }
}

/// Whose wallet pays.
public struct WalletKind: QuotaName {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let developer: WalletKind = "developer"
    public static let oauthUser: WalletKind = "oauth_user"
}

/// Who is billed for a call.
public struct BillingMode: QuotaName {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let developer: BillingMode = "developer"
    public static let user: BillingMode = "user"
}

/// The user that a credential belongs to.
public struct QuotaUser: Sendable, Hashable, Codable {
    public var id: String
    public var email: String?
    /// Credits. `nil` where no wallet is linked, which is not a balance of zero.
    public var balance: Int?
    public var name: String?
    public var picture: String?
    public var userMetadata: QuotaJSON?

    private enum CodingKeys: String, CodingKey {
        case id, email, balance, name, picture
        case userMetadata = "user_metadata"
    }
}

/// What a wallet holds, whatever its kind.
public struct WalletBalance: Sendable, Hashable, Codable {
    public var wallet: WalletKind
    /// Credits. `nil` where no wallet is linked, which is not a balance of zero.
    public var balance: Int?
    public var plan: String?
    public var userID: String?
    public var billingMode: BillingMode?

    private enum CodingKeys: String, CodingKey {
        case wallet, balance, plan
        case developerBalance = "developer_balance"
        case userID = "user_id"
        case billingMode = "billing_mode"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        wallet = try fields.decode(WalletKind.self, forKey: .wallet)
        let developer = try fields.decodeIfPresent(Int.self, forKey: .developerBalance)
        let plain = try fields.decodeIfPresent(Int.self, forKey: .balance)
        balance = wallet == .developer ? developer ?? plain : plain ?? developer
        plan = try fields.decodeIfPresent(String.self, forKey: .plan)
        userID = try fields.decodeIfPresent(String.self, forKey: .userID)
        billingMode = try fields.decodeIfPresent(BillingMode.self, forKey: .billingMode)
    }

    /// Writes ``balance`` under that name for every kind of wallet.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(wallet, forKey: .wallet)
        try fields.encode(balance, forKey: .balance)
        try fields.encodeIfPresent(plan, forKey: .plan)
        try fields.encodeIfPresent(userID, forKey: .userID)
        try fields.encodeIfPresent(billingMode, forKey: .billingMode)
    }
}

/// Credits that can be bought at once.
public struct CreditPackage: Sendable, Hashable, Codable {
    public var id: String
    public var credits: Int
    /// US cents.
    public var priceCents: Int
    /// "$5.00"
    public var priceDisplay: String?

    private enum CodingKeys: String, CodingKey {
        case id, credits
        case priceCents = "price_cents"
        case priceDisplay = "price_display"
    }
}

/// A page where a package is paid.
public struct Checkout: Sendable, Hashable, Codable {
    public var url: String
    public var sessionID: String?

    private enum CodingKeys: String, CodingKey {
        case url
        case sessionID = "session_id"
    }
}

/// A user of the developer's own system who is linked to a Quota wallet.
public struct LinkedUser: Sendable, Hashable, Codable {
    public struct User: Sendable, Hashable, Codable {
        public var id: String
        public var email: String?
        /// Credits. `nil` is not zero.
        public var balance: Int?
    }

    public var user: User
    /// ISO 8601, as the server wrote it.
    public var linkedAt: String?

    private enum CodingKeys: String, CodingKey {
        case user
        case linkedAt = "linked_at"
    }
}

/// A list that some endpoints wrap and others don't: `[…]`, `{"data": […]}`, `{"packages": […]}`.
struct AnswerList<Element: Decodable & Sendable>: Decodable, Sendable {
    var elements: [Element]

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        if let plain = try? decoder.unkeyedContainer(), plain.count != nil {
            elements = try [Element](from: decoder)
            return
        }
        let fields = try decoder.container(keyedBy: Key.self)
        let data = Key(stringValue: "data")
        let name = fields.contains(data) ? data : Key(stringValue: "packages")
        elements = try fields.decode([Element].self, forKey: name)
    }
}

extension QuotaClient {
    /// Who the credential belongs to.
    public func getMe() async throws -> QuotaUser {
        try await perform(.get("/v1/me")).decode(QuotaUser.self)
    }

    /// What the wallet that pays holds.
    public func getBalance() async throws -> WalletBalance {
        try await perform(.get("/v1/balance")).decode(WalletBalance.self)
    }

    /// What can be bought. Needs no credential.
    public func getPackages() async throws -> [CreditPackage] {
        try await perform(.get("/v1/packages")).decode(AnswerList<CreditPackage>.self).elements
    }

    /// Opens a checkout for a package.
    ///
    /// - Parameters:
    ///   - successURL: absolute; where the browser goes when it is paid.
    ///   - cancelURL: absolute; where it goes otherwise.
    public func createCheckout(packageID: String, successURL: String, cancelURL: String) async throws -> Checkout {
        var fields = ["success_url": successURL, "cancel_url": cancelURL]
        fields[options.checkoutPackageField] = packageID
        return try await perform(.post("/api/payments/checkout", json: fields)).decode(Checkout.self)
    }

    /// The user that `externalUserID` is linked to; `nil` where it is not linked.
    public func users(_ externalUserID: String) async throws -> LinkedUser? {
        let request = APIRequest.get(
            "/v1/users/\(URLText.encode(externalUserID))", template: "/v1/users/:external_user_id")
        do {
            return try await perform(request).decode(LinkedUser.self)
        } catch QuotaError.server(let answer) where answer.status == 404 && answer.code == "not_found" {
            return nil
        }
    }

    /// Ends the link of `externalUserID` to its wallet.
    public func unlink(_ externalUserID: String) async throws {
        let request = APIRequest(
            method: .DELETE, path: "/v1/users/\(URLText.encode(externalUserID))/link",
            template: "/v1/users/:external_user_id/link", isIdempotent: true)
        struct Answer: Decodable { var success: Bool? }
        let answer = try await perform(request)
        guard answer.isSuccess, answer.status != 204 else { return }
        guard try answer.decode(Answer.self).success ?? true else {
            throw QuotaError.unreadable(
                QuotaError.UnreadableAnswer(
                    endpoint: answer.endpoint, status: answer.status, detail: "success is false"))
        }
    }
}

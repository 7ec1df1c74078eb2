import ArgumentParser
import QuotaAPI

struct WhoamiCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show who the credential belongs to.")

    @OptionGroup var access: QuotaAccess

    func run() async throws {
        try await QuotaAccess.reporting {
            let user = try await access.client().getMe()
            guard !access.json else { return try QuotaAccess.print(json: user) }
            Terminal.result("\(QuotaAccess.plain(user.email ?? user.name ?? user.id)) (\(QuotaAccess.plain(user.id)))")
            Terminal.result("balance: \(QuotaAccess.money(user.balance))")
        }
    }
}

struct BalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "balance", abstract: "Show what the wallet holds.")

    @OptionGroup var access: QuotaAccess

    func run() async throws {
        try await QuotaAccess.reporting {
            let balance = try await access.client().getBalance()
            guard !access.json else { return try QuotaAccess.print(json: balance) }
            Terminal.result(QuotaAccess.money(balance.balance))
        }
    }
}

struct PackagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packages", abstract: "List the credits that can be bought.")

    @OptionGroup var access: QuotaAccess

    func run() async throws {
        try await QuotaAccess.reporting {
            let packages = try await access.client(needsCredential: false).getPackages()
            guard !access.json else { return try QuotaAccess.print(json: packages) }
            let width = packages.map(\.id.count).max() ?? 0
            for package in packages {
                let gap = String(repeating: " ", count: width - package.id.count + 2)
                let price = package.priceDisplay ?? formatCredits(package.priceCents * 10_000)
                Terminal.result(QuotaAccess.plain("\(package.id)\(gap)\(formatCredits(package.credits)) for \(price)"))
            }
        }
    }
}

struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "List the models and their prices.")

    @OptionGroup var access: QuotaAccess

    func run() async throws {
        try await QuotaAccess.reporting {
            let client = try await access.client(needsCredential: false)
            let models: [QuotaModel]
            do {
                models = try await client.models()
            } catch QuotaError.notConnected where client.isAnonymous {
                throw QuotaAccess.noCredential
            } catch QuotaError.server(let answer) where answer.status == 401 && client.isAnonymous {
                // Some servers list their models for everybody, this one does not.
                throw QuotaAccess.noCredential
            }
            guard !access.json else { return try QuotaAccess.print(json: models) }
            for model in models {
                var line = model.id
                if case .object(let prices)? = model.pricing {
                    line += prices.sorted { $0.key < $1.key }.map { "  \($0.key) \(Self.text($0.value))" }.joined()
                }
                Terminal.result(QuotaAccess.plain(line))
            }
        }
    }

    private static func text(_ value: QuotaJSON) -> String {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .null, .bool, .array, .object: "?"
        }
    }
}

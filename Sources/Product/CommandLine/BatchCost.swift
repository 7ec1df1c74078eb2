import Foundation
import QuotaAPI
import VoiceKit
import VoiceRelay

/// What a batch costs: said before it starts, and what is left afterwards.
///
/// Nothing is said of a relay that has no wallet to show.
struct BatchCost {
    private let client: QuotaClient?

    /// Says what the files cost at most, and what the wallet holds.
    static func announce(_ items: [ConvertPlan.Item], endpoint: RelayEndpoint) async -> BatchCost {
        var options = QuotaOptions()
        options.baseURL = httpBase(endpoint.url)
        options.timeout = .seconds(3)
        options.retry = .never
        options.allowsInsecure = endpoint.allowsInsecure
        let isAccessToken = endpoint.token.hasPrefix("quota_token_")
        let client = try? QuotaClient(
            isAccessToken ? QuotaCredentials(accessToken: endpoint.token) : QuotaCredentials(apiKey: endpoint.token),
            options: options)
        let cost = BatchCost(client: client)
        // Files that can't be read cost nothing; their own sentence comes with their turn.
        let seconds = items.compactMap { item -> Double? in
            guard item.input != "-", let source = try? FileSource(path: item.input) else { return nil }
            return Double(source.frames) / Double(source.sampleRate)
        }
        let credits = seconds.reduce(0) { $0 + Int(($1 * Double(RelayProtocol.creditsPerSecond)).rounded(.up)) }
        let length = String(format: "%.1f", seconds.reduce(0, +))
        guard let wallet = await cost.balance() else { return cost }
        Terminal.note("\(length) s of sound: \(formatCredits(credits)), \(wallet) in the wallet")
        return cost
    }

    /// Says what is left.
    func conclude() async {
        guard let balance = await balance() else { return }
        Terminal.note("\(balance) left")
    }

    private func balance() async -> String? {
        // Whatever keeps the balance from being shown must not keep a paid conversion from being done.
        await (try? client?.getBalance())?.balance.map(formatCredits)
    }

    static func httpBase(_ relay: String) -> String {
        var url = relay
        if url.hasSuffix(RelayProtocol.path) { url.removeLast(RelayProtocol.path.count) }
        for (from, to) in [("wss://", "https://"), ("ws://", "http://")] where url.lowercased().hasPrefix(from) {
            return to + url.dropFirst(from.count)
        }
        return url.contains("://") ? url : "https://" + url
    }
}

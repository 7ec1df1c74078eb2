/// Credits in words: a million are a US dollar.
enum CreditText {
    /// "$4.05"; an amount that is not of whole cents shows as many decimals as it needs, so that a price never reads
    /// "$0.00".
    static func dollars(_ credits: Int) -> String {
        let magnitude = credits.magnitude
        var decimals = String(magnitude % 1_000_000 + 1_000_000).dropFirst()
        while decimals.count > 2, decimals.hasSuffix("0") { decimals.removeLast() }
        return "\(credits < 0 ? "−" : "")$\(magnitude / 1_000_000).\(decimals)"
    }
}

/// The text for an amount of credits: 4,050,000 is "$4.05". A million credits are a US dollar.
///
/// Whole cents are shown; an amount that is not a whole number of cents shows as many of the six decimals as it needs,
/// so that a price of 2,500 credits a second reads "$0.0025" and never "$0.00".
public func formatCredits(_ credits: Int) -> String {
    let magnitude = credits.magnitude
    let micros = magnitude % 1_000_000
    var decimals = String(micros + 1_000_000).dropFirst()
    while decimals.count > 2, decimals.hasSuffix("0") { decimals.removeLast() }
    return "\(credits < 0 ? "-" : "")$\(magnitude / 1_000_000).\(decimals)"
}

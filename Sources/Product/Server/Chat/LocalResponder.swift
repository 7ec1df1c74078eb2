/// Answers where no model is configured: says so, and says back what it was told, so that an app's wiring can be tried.
enum LocalResponder {
    static let modelID = "quota-voice/local-responder"

    /// The answer's words, each with the space before it; cut to the tokens that were asked for.
    static func words(for order: ChatOrder) -> (words: [String], isCut: Bool) {
        let question = order.question.prefix(2_000)
        let text =
            "This is the local Quota server, which has no model of its own (see serve --upstream). You said: "
            + (question.isEmpty ? "nothing." : String(question))
        var words: [String] = []
        var tokens = 0
        for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
            let piece = (index == 0 ? "" : " ") + word
            tokens += ChatPrice.tokens(in: piece)
            guard tokens <= order.completionTokensMax else { return (words, true) }
            words.append(piece)
        }
        return (words, false)
    }
}

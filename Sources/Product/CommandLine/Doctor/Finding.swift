/// What was found out about one stage of sound's way.
struct Finding: Encodable {
    enum Verdict: String, Encodable {
        case good, warning, problem
    }

    /// Where on the way, in its order.
    let stage: String
    let verdict: Verdict
    /// What was measured, and what to do where it is not good.
    let sentence: String
    /// The numbers in it, for programs; the name ends with the unit.
    var figures: [String: Double] = [:]

    init(_ stage: String, _ verdict: Verdict, _ sentence: String, _ figures: [String: Double] = [:]) {
        self.stage = stage
        self.verdict = verdict
        self.sentence = sentence
        self.figures = figures.filter { $0.value.isFinite }
    }
}

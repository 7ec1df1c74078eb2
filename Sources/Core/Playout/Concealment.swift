/// What is played when nothing is there: the last pitch period again and again, fading, then silence.
///
/// It begins without a step: the difference at the seam is led out over two milliseconds.
struct Concealment: ~Copyable {
    private let rate: Int
    private let cycle: UnsafeMutablePointer<Float>
    private let lagMin: Int
    private let lagMax: Int
    private let fullFrames: Int
    private let fadeFrames: Int
    private let leadFrames: Int
    private var period = 1
    private var position = 0
    private var seam: Float = 0
    /// Samples given since `begin`.
    private(set) var given = 0

    init(rate: Int) {
        self.rate = rate
        lagMin = rate / 400
        lagMax = rate * 15 / 1_000
        fullFrames = rate / 100
        fadeFrames = rate * 6 / 100
        leadFrames = max(1, rate / 500)
        cycle = .allocate(capacity: lagMax + 1)
        cycle.initialize(repeating: 0, count: lagMax + 1)
    }

    deinit {
        cycle.deallocate()
    }

    /// True once only silence is left.
    var isSilent: Bool {
        @_noLocks @_noAllocation
        get { given >= fullFrames &+ fadeFrames }
    }

    /// How far back `begin` looks.
    static func historyFrames(rate: Int) -> Int { rate * 15 / 1_000 + rate / 100 + 32 }

    /// Continues what `played` ends with.
    @_noLocks @_noAllocation
    mutating func begin(after played: borrowing PositionedSamples, search: borrowing SimilaritySearch) {
        let end = played.end
        let template = search.templateCount
        played.copy(from: end &- template, count: template, to: search.template)
        // Candidate k lies lagMax - k back.
        let candidates = min(lagMax &- lagMin &+ 1, search.candidatesMax)
        played.copy(from: end &- template &- lagMax, count: template &+ candidates, to: search.area)
        period = lagMax &- search.best(of: candidates)
        played.copy(from: end &- period, count: period, to: cycle)
        seam = end > period ? played.sample(end &- 1) - played.sample(end &- 1 &- period) : 0
        position = 0
        given = 0
    }

    @_noLocks @_noAllocation
    mutating func next() -> Float {
        guard !isSilent else {
            given &+= 1
            return 0
        }
        var sample = cycle[position]
        position &+= 1
        if position == period { position = 0 }
        if given < leadFrames { sample += seam * Float(leadFrames &- given) / Float(leadFrames &+ 1) }
        if given >= fullFrames { sample *= Float(fullFrames &+ fadeFrames &- given) / Float(fadeFrames) }
        given &+= 1
        return sample
    }
}

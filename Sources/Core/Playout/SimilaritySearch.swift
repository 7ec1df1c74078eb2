import CSignalKernels

/// Finds where a signal continues like another one: the step of WSOLA that makes a splice inaudible.
///
/// Source: W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993.
struct SimilaritySearch: ~Copyable {
    private let fir: UnsafePointer<csk_fir>
    /// The samples to be met, a multiple of 16 of them.
    let template: UnsafeMutablePointer<Float>
    let templateCount: Int
    /// Where they are looked for: at most `candidatesMax` places.
    let area: UnsafeMutablePointer<Float>
    let candidatesMax: Int
    private let scores: UnsafeMutablePointer<Float>

    init(templateFrames: Int, candidatesMax: Int) {
        fir = csk_fir_best()
        templateCount = max(16, templateFrames / 16 * 16)
        self.candidatesMax = candidatesMax
        template = .allocate(capacity: templateCount)
        template.initialize(repeating: 0, count: templateCount)
        area = .allocate(capacity: templateCount + candidatesMax)
        area.initialize(repeating: 0, count: templateCount + candidatesMax)
        scores = .allocate(capacity: candidatesMax)
        scores.initialize(repeating: 0, count: candidatesMax)
    }

    deinit {
        template.deallocate()
        area.deallocate()
        scores.deallocate()
    }

    /// The candidate (from 0) among the first `count` whose samples correlate best with the template.
    @_noLocks @_noAllocation
    func best(of count: Int) -> Int {
        let candidates = min(count, candidatesMax)
        guard candidates > 1 else { return 0 }
        csk_fir_strided(fir, area, 1, template, templateCount, scores, 1, candidates)
        var energy = 0.0
        for index in 0..<templateCount { energy += Double(area[index]) * Double(area[index]) }
        var best = 0
        var bestScore = -Double.infinity
        for index in 0..<candidates {
            let correlation = Double(scores[index])
            // Signed square: anti-phase is the worst, not as good as in-phase.
            let score = correlation * abs(correlation) / (energy + 1e-9)
            if score > bestScore {
                bestScore = score
                best = index
            }
            let gone = Double(area[index])
            let come = Double(area[index &+ templateCount])
            energy = max(0, energy + come * come - gone * gone)
        }
        return best
    }
}

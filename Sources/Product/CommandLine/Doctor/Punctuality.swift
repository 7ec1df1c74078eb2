/// How punctually a device's thread was woken, from when that was and how much sound had come by then, both in
/// milliseconds. A wake-up is late by how much less sound had come than at its neighbours; sound that never comes makes
/// everything behind it later for good, which is not lateness but a gap.
struct Punctuality {
    /// Neighbours are as far away as this: longer than a thread is kept from running, shorter than clocks drift apart.
    private static let window = 250.0
    /// A device that has just begun still finds its pace.
    private static let settling = 300.0
    /// Smaller steps may be how wake-ups fall.
    private static let gapMin = 5.0

    /// How late each wake-up was, sorted.
    let lateness: [Double]
    /// Sound that was lost, and how often.
    let lost: Double
    let gaps: Int
    /// Wake-ups, those included that are not judged.
    let count: Int

    init(_ wakes: [(time: Double, sound: Double)]) {
        count = wakes.count
        let wakes = wakes.filter { $0.time >= Self.settling }
        let offsets = wakes.map { $0.time - $0.sound }
        // The least before and the least after, whichever is more: a step, up or down, is no lateness of its neighbours.
        var first = 0
        var next = 0
        let bases = wakes.indices.map { index in
            while wakes[index].time - wakes[first].time > Self.window { first += 1 }
            while next < wakes.count, wakes[next].time - wakes[index].time <= Self.window { next += 1 }
            let before = offsets[first...index].min() ?? 0
            let after = offsets[index..<next].min() ?? 0
            return max(before, after)
        }
        lateness = zip(offsets, bases).map { $0 - $1 }.sorted()
        let steps = zip(bases, bases.dropFirst()).map { $1 - $0 }.filter { $0 > Self.gapMin }
        lost = steps.reduce(0, +)
        gaps = steps.count
    }
}

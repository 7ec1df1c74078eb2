/// The sums of a row of values up to every place, so that the mean over any stretch costs two lookups.
///
/// In double precision, as small values follow large ones.
struct RunningSums: ~Copyable {
    private let count: Int
    private let sums: UnsafeMutablePointer<Double>

    init(count: Int) {
        self.count = count
        sums = .allocate(capacity: count + 1)
        sums.initialize(repeating: 0, count: count + 1)
    }

    deinit {
        sums.deallocate()
    }

    mutating func fill(_ values: UnsafePointer<Float>) {
        for index in 0..<count {
            sums[index + 1] = sums[index] + Double(values[index])
        }
    }

    /// The sum up to `edge`, where value i reaches from i to i + 1.
    @inline(__always)
    func sum(to edge: Double) -> Double {
        let index = max(0, min(Int(edge), count - 1))
        return sums[index] + (edge - Double(index)) * (sums[index + 1] - sums[index])
    }
}

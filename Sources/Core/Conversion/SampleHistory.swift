/// The latest samples of a signal, readable as one contiguous piece.
///
/// Every sample is written twice, `capacity` apart, so that any window of up to `capacity` samples lies in one piece
/// and the kernels need no wrap. Indices are absolute: the first sample after `reset()` is number 0. Samples
/// before it read as silence.
struct SampleHistory: ~Copyable {
    private let storage: UnsafeMutablePointer<Float>
    private let mask: Int
    /// The absolute index that the next sample gets.
    private(set) var count = 0

    /// - Parameter capacity: Samples kept; a power of two.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "capacity must be a power of two")
        mask = capacity - 1
        storage = .allocate(capacity: 2 * capacity)
        storage.initialize(repeating: 0, count: 2 * capacity)
    }

    deinit {
        storage.deallocate()
    }

    mutating func append(_ sample: Float) {
        let slot = count & mask
        storage[slot] = sample
        storage[slot + mask + 1] = sample
        count &+= 1
    }

    /// The samples from absolute index `index` on; good for `capacity` samples that have been written.
    @inline(__always)
    func samples(from index: Int) -> UnsafePointer<Float> {
        UnsafePointer(storage + (index & mask))
    }

    mutating func reset() {
        for slot in 0..<(2 * (mask + 1)) {
            storage[slot] = 0
        }
        count = 0
    }
}

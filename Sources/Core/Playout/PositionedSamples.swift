/// The last samples of a stream by their position, for as long as its capacity reaches back.
package struct PositionedSamples: ~Copyable, @unchecked Sendable {
    private let memory: UnsafeMutablePointer<Float>
    private let mask: Int
    /// Position behind the newest sample.
    package private(set) var end = 0

    package init(capacityMin: Int) {
        let capacity = 1 << (Int.bitWidth - (max(2, capacityMin) - 1).leadingZeroBitCount)
        memory = .allocate(capacity: capacity)
        memory.initialize(repeating: 0, count: capacity)
        mask = capacity - 1
    }

    deinit {
        memory.deallocate()
    }

    package var capacity: Int {
        @_noLocks @_noAllocation
        get { mask &+ 1 }
    }

    /// The oldest position that is still there.
    package var start: Int {
        @_noLocks @_noAllocation
        get { max(0, end &- capacity) }
    }

    /// The sample at a position within start..<end.
    @_noLocks @_noAllocation
    @inline(__always)
    package func sample(_ position: Int) -> Float {
        memory[position & mask]
    }

    @_noLocks @_noAllocation
    @inline(__always)
    package mutating func append(_ sample: Float) {
        memory[end & mask] = sample
        end &+= 1
    }

    /// Goes ahead without samples: zeros stand for them.
    @_noLocks @_noAllocation
    package mutating func skip(_ count: Int) {
        for _ in 0..<min(count, capacity) { append(0) }
        end &+= max(0, count &- capacity)
    }

    @_noLocks @_noAllocation
    package mutating func append(_ samples: UnsafeBufferPointer<Float>) {
        guard let base = samples.baseAddress else { return }
        for index in 0..<samples.count { append(base[index]) }
    }

    /// Copies `count` samples from a position on; zeros where there is nothing.
    @_noLocks @_noAllocation
    package func copy(from position: Int, count: Int, to target: UnsafeMutablePointer<Float>) {
        let oldest = start
        for index in 0..<count {
            let place = position &+ index
            target[index] = place >= oldest && place < end ? memory[place & mask] : 0
        }
    }
}

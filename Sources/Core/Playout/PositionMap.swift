/// Which position of one stream a position of another one is: the same but for an offset that changes now and then.
///
/// Remembers the last changes, which is enough for what is on its way.
package struct PositionMap: ~Copyable, @unchecked Sendable {
    private static var segmentsMax: Int { 64 }

    private let starts: UnsafeMutablePointer<Int>
    private let offsets: UnsafeMutablePointer<Int>
    private var count = 0

    package init() {
        starts = .allocate(capacity: Self.segmentsMax)
        starts.initialize(repeating: 0, count: Self.segmentsMax)
        offsets = .allocate(capacity: Self.segmentsMax)
        offsets.initialize(repeating: 0, count: Self.segmentsMax)
    }

    deinit {
        starts.deallocate()
        offsets.deallocate()
    }

    package mutating func reset() {
        count = 0
    }

    /// From `position` on, the other stream's position is `other` and goes on with it.
    package mutating func note(_ position: Int, is other: Int) {
        let offset = other - position
        if count > 0, offsets[(count - 1) % Self.segmentsMax] == offset { return }
        starts[count % Self.segmentsMax] = position
        offsets[count % Self.segmentsMax] = offset
        count += 1
    }

    /// The other stream's position; nil before the first note, or for what is forgotten.
    package func other(of position: Int) -> Int? {
        var index = count - 1
        while index >= max(0, count - Self.segmentsMax) {
            if starts[index % Self.segmentsMax] <= position { return position + offsets[index % Self.segmentsMax] }
            index -= 1
        }
        return nil
    }
}

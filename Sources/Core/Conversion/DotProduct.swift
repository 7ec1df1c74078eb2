/// Inner products over contiguous samples, eight at a time.
enum DotProduct {
    /// The sum of `left[i] * right[i]` for i below `count`.
    @inline(__always)
    static func of(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int) -> Float {
        let leftBytes = UnsafeRawPointer(left)
        let rightBytes = UnsafeRawPointer(right)
        var sum = SIMD8<Float>(repeating: 0)
        var index = 0
        while index &+ 8 <= count {
            let offset = index &* 4
            sum +=
                leftBytes.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                * rightBytes.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
            index &+= 8
        }
        var total = sum.sum()
        while index < count {
            total += left[index] * right[index]
            index &+= 1
        }
        return total
    }

    /// The sum of the squares of `samples`.
    @inline(__always)
    static func energy(_ samples: UnsafePointer<Float>, count: Int) -> Float {
        of(samples, samples, count: count)
    }
}

/// The top of the parabola through three neighbouring values, as an offset from the middle one within ±0.5.
@inline(__always)
func parabolicOffset(_ left: Float, _ middle: Float, _ right: Float) -> Double {
    let curvature = left - 2 * middle + right
    guard curvature < -1e-12 else { return 0 }
    return Double(max(-0.5, min(0.5, 0.5 * (left - right) / curvature)))
}

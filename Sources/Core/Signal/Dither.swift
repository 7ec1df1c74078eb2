/// Noise that makes rounding to 16 bits free of distortion: triangular, two steps wide, the same for the same seed.
///
/// It is gated: after `zeroRunMax` exact zeros it stops until the signal comes back, so that digital silence stays
/// digital silence. A fresh one starts with the gate closed.
/// Source: Lipshitz, Wannamaker, Vanderkooy, "Quantization and Dither: A Theoretical Survey", JAES 40(5), 1992.
public struct Dither: Sendable {
    /// Exact zeros in a row that still get noise, so that the tail of a fade is not cut into steps.
    public static var zeroRunMax: Int { 64 }

    private var state: UInt64
    private var zeroRun = Dither.zeroRunMax

    public init(seed: UInt64) {
        state = seed
    }

    /// Noise for `sample`, in steps of the target: within (-1, 1), 0 while the gate is closed.
    @_noLocks @_noAllocation
    @inline(__always)
    mutating func noise(for sample: Float) -> Double {
        if sample == 0 {
            guard zeroRun < Self.zeroRunMax else { return 0 }
            zeroRun &+= 1
        } else {
            zeroRun = 0
        }
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014); its two halves are the two uniform variables.
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits &>> 27)) &* 0x94D0_49BB_1331_11EB
        bits ^= bits &>> 31
        let high = Int64(bits &>> 32)
        let low = Int64(bits & 0xFFFF_FFFF)
        return Double(high &- low) * 0x1p-32
    }
}

/// Rows of filter coefficients, one row per position of an output instant between two input samples.
///
/// Row r holds the taps for an instant r / `phases` of an input period after a sample; the last tap meets the newest
/// input. Rows are padded in front with zeros to whole vectors of the kernel.
enum PhaseTable {
    /// Taps in a row are a multiple of this, the width of the kernels.
    static var tapsMultiple: Int { 16 }

    /// Taps of a row for a filter of 2 x `delay` taps.
    static func paddedTaps(delay: Int) -> Int {
        (2 * delay + tapsMultiple - 1) / tapsMultiple * tapsMultiple
    }

    /// Allocates and fills the rows; the caller owns the memory and deallocates it.
    ///
    /// - Parameters:
    ///   - bandwidth: The lower rate divided by the input rate, at most 1.
    ///   - delay: Input frames from the middle of the response to the newest input.
    ///   - rows: `phases`, or one more for interpolation between rows.
    static func makeRows(
        _ response: BandLimit, bandwidth: Double, delay: Int, phases: Int, rows: Int
    ) -> UnsafeMutablePointer<Float> {
        let taps = paddedTaps(delay: delay)
        let padding = taps - 2 * delay
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: rows * taps * MemoryLayout<Float>.stride, alignment: 64)
        let coefficients = memory.bindMemory(to: Float.self, capacity: rows * taps)
        coefficients.initialize(repeating: 0, count: rows * taps)
        for row in 0..<rows {
            let newest = Double(row) / Double(phases) + Double(delay - 1)
            let values = response.impulseResponse(
                start: newest * bandwidth, step: -bandwidth, count: 2 * delay)
            let target = coefficients + row * taps + padding
            for (index, value) in values.enumerated() { target[index] = Float(value * bandwidth) }
        }
        return coefficients
    }
}

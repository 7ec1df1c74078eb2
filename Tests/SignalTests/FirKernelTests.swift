import CSignalKernels
import SignalMeasurement
import Testing
import VoiceSignal

/// The scalar twins of the kernels: the definition, in plain loops.
private enum ScalarFir {
    static func strided(
        _ input: [Float], stride: Int, coefficients: [Float], taps: Int, count: Int
    ) -> [Double] {
        (0..<count).map { index in
            (0..<taps).reduce(0.0) { $0 + Double(coefficients[$1]) * Double(input[index * stride + $1]) }
        }
    }

    static func between(_ input: [Float], rows: [Float], taps: Int, blend: Float) -> Double {
        (0..<taps).reduce(0.0) { sum, tap in
            let (here, next) = (Double(rows[tap]), Double(rows[taps + tap]))
            return sum + Double(input[tap]) * (here + Double(blend) * (next - here))
        }
    }
}

@Suite struct FirKernelTests {
    /// Every copy that this processor runs, best first.
    private static func copies() -> [UnsafePointer<csk_fir>] {
        var found: [UnsafePointer<csk_fir>] = []
        while let copy = csk_fir_copy(found.count) { found.append(copy) }
        return found
    }

    @Test func the_best_copy_comes_first_and_baseline_last() throws {
        let copies = Self.copies()
        #expect(copies.first == csk_fir_best())
        #expect(String(cString: try #require(copies.last).pointee.name) == "baseline")
        #expect(csk_fir_copy(-1) == nil)
        #expect(csk_fir_copy(copies.count + 1) == nil)
    }

    @Test(arguments: [16, 32, 80, 112, 336, 1_344])
    func every_copy_agrees_with_the_scalar_twin(taps: Int) {
        let input = noise(taps + 7 * 64, seed: 11)
        let coefficients = noise(2 * taps, seed: 12)
        // Rounding of float sums, with room: each of the terms is below one.
        let tolerance = 1e-7 * Double(taps)
        for copy in Self.copies() {
            for stride in [1, 3, 7] {
                for count in [0, 1, 2, 3, 4, 7, 8, 9, 33] {
                    let expected = ScalarFir.strided(
                        input, stride: stride, coefficients: coefficients, taps: taps, count: count)
                    var output = [Float](repeating: 77, count: count * 5 + 1)
                    csk_fir_strided(copy, input, stride, coefficients, taps, &output, 5, count)
                    for (index, value) in output.enumerated() {
                        // Nothing but every fifth place is written.
                        guard index.isMultiple(of: 5), index / 5 < count else {
                            #expect(value == 77)
                            continue
                        }
                        #expect(abs(Double(value) - expected[index / 5]) <= tolerance)
                    }
                }
            }
            for blend: Float in [0, 0.25, 0.999] {
                let value = csk_fir_between(copy, input, coefficients, taps, blend)
                let expected = ScalarFir.between(input, rows: coefficients, taps: taps, blend: blend)
                #expect(abs(Double(value) - expected) <= tolerance)
            }
        }
    }

    @Test func an_output_does_not_depend_on_its_neighbours() {
        let input = noise(2_000, seed: 21)
        let coefficients = noise(112, seed: 22)
        for copy in Self.copies() {
            var together = [Float](repeating: 0, count: 37)
            csk_fir_strided(copy, input, 3, coefficients, 112, &together, 1, 37)
            for index in 0..<37 {
                var alone: Float = 0
                input.withUnsafeBufferPointer {
                    csk_fir_strided(copy, $0.baseAddress! + 3 * index, 3, coefficients, 112, &alone, 1, 1)
                }
                #expect(alone.bitPattern == together[index].bitPattern)
            }
        }
    }
}

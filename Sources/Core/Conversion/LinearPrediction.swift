import CSignalKernels

/// Linear prediction by the autocorrelation method (Levinson and Durbin), in memory of its own.
struct LinearPrediction: ~Copyable {
    let order: Int
    private let scratch: UnsafeMutablePointer<Double>
    /// The predictor: `coefficients[0]` is 1, then a1 to a_order of 1 + a1 z^-1 + ….
    let coefficients: UnsafeMutablePointer<Double>
    /// The reflection coefficients, each within ±1: `order` of them.
    let reflections: UnsafeMutablePointer<Double>
    private let correlation: UnsafeMutablePointer<Double>
    /// What the predictor leaves of the energy.
    private(set) var residual = 0.0

    init(order: Int) {
        self.order = order
        scratch = .allocate(capacity: order + 1)
        coefficients = .allocate(capacity: order + 1)
        reflections = .allocate(capacity: order + 1)
        correlation = .allocate(capacity: order + 1)
        for memory in [scratch, coefficients, reflections, correlation] {
            memory.initialize(repeating: 0, count: order + 1)
        }
    }

    deinit {
        scratch.deallocate()
        coefficients.deallocate()
        reflections.deallocate()
        correlation.deallocate()
    }

    mutating func reset() {
        residual = 0
        for index in 0...order {
            coefficients[index] = 0
            reflections[index] = 0
        }
    }

    /// Fits the predictor to windowed samples; false when there is nothing to fit.
    mutating func fit(_ samples: UnsafePointer<Float>, count: Int) -> Bool {
        for lag in 0...order {
            correlation[lag] = Double(DotProduct.of(samples, samples + lag, count: count - lag))
        }
        correlation[0] = correlation[0] * 1.000_1 + 1e-9
        guard correlation[0] > 1e-7 else {
            residual = 0
            return false
        }
        var error = correlation[0]
        for index in 0...order {
            coefficients[index] = index == 0 ? 1 : 0
        }
        for step in 1...order {
            var sum = correlation[step]
            for index in 1..<max(step, 1) {
                sum += coefficients[index] * correlation[step - index]
            }
            let reflection = max(-0.999_9, min(0.999_9, -sum / error))
            reflections[step - 1] = reflection
            for index in 0...step {
                scratch[index] = coefficients[index]
            }
            for index in 1...step {
                coefficients[index] = scratch[index] + reflection * scratch[step - index]
            }
            error *= 1 - reflection * reflection
        }
        residual = error
        return true
    }
}

import CSignalKernels

/// All roots of a real polynomial at once (Durand 1960, Kerner 1966), in memory of its own.
struct PolynomialRoots: ~Copyable {
    private static let rounds = 40
    private let degree: Int
    let real: UnsafeMutablePointer<Double>
    let imaginary: UnsafeMutablePointer<Double>

    init(degree: Int) {
        self.degree = degree
        real = .allocate(capacity: degree)
        imaginary = .allocate(capacity: degree)
        real.initialize(repeating: 0, count: degree)
        imaginary.initialize(repeating: 0, count: degree)
    }

    deinit {
        real.deallocate()
        imaginary.deallocate()
    }

    /// Solves z^n + c1 z^(n-1) + … + cn = 0; `coefficients[0]` is 1. False when the rounds did not settle.
    mutating func solve(_ coefficients: UnsafePointer<Double>) -> Bool {
        for index in 0..<degree {
            let angle = 2 * Double.pi * (Double(index) + 0.25) / Double(degree)
            real[index] = 0.9 * csk_cos(angle)
            imaginary[index] = 0.9 * csk_sin(angle)
        }
        for _ in 0..<Self.rounds {
            var moved = 0.0
            for index in 0..<degree {
                moved = max(moved, improve(index, coefficients))
            }
            if moved < 1e-12 { return true }
            if !moved.isFinite { return false }
        }
        return false
    }

    /// One step of one root; the square of the distance it went.
    private func improve(_ index: Int, _ coefficients: UnsafePointer<Double>) -> Double {
        let x = real[index]
        let y = imaginary[index]
        var valueReal = 1.0
        var valueImaginary = 0.0
        for power in 1...degree {
            let next = valueReal * x - valueImaginary * y + coefficients[power]
            valueImaginary = valueReal * y + valueImaginary * x
            valueReal = next
        }
        var productReal = 1.0
        var productImaginary = 0.0
        for other in 0..<degree where other != index {
            let a = x - real[other]
            let b = y - imaginary[other]
            let next = productReal * a - productImaginary * b
            productImaginary = productReal * b + productImaginary * a
            productReal = next
        }
        let size = max(productReal * productReal + productImaginary * productImaginary, 1e-30)
        let stepReal = (valueReal * productReal + valueImaginary * productImaginary) / size
        let stepImaginary = (valueImaginary * productReal - valueReal * productImaginary) / size
        real[index] = x - stepReal
        imaginary[index] = y - stepImaginary
        return stepReal * stepReal + stepImaginary * stepImaginary
    }
}

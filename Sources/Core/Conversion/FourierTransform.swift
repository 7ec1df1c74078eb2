import CSignalKernels

/// The power spectrum of a real frame: radix 2, decimation in time, nothing allocated per frame.
struct FourierTransform: ~Copyable {
    private let size: Int
    private let real: UnsafeMutablePointer<Float>
    private let imaginary: UnsafeMutablePointer<Float>
    private let cosines: UnsafeMutablePointer<Float>
    private let sines: UnsafeMutablePointer<Float>
    private let places: UnsafeMutablePointer<Int>

    /// - Parameter size: Samples of a frame; a power of two.
    init(size: Int) {
        precondition(size > 1 && size & (size - 1) == 0, "size must be a power of two")
        self.size = size
        real = .allocate(capacity: size)
        real.initialize(repeating: 0, count: size)
        imaginary = .allocate(capacity: size)
        imaginary.initialize(repeating: 0, count: size)
        cosines = .allocate(capacity: size / 2)
        sines = .allocate(capacity: size / 2)
        for index in 0..<(size / 2) {
            let angle = -2 * Double.pi * Double(index) / Double(size)
            (cosines + index).initialize(to: Float(csk_cos(angle)))
            (sines + index).initialize(to: Float(csk_sin(angle)))
        }
        places = .allocate(capacity: size)
        var swapped = 0
        for index in 0..<size {
            (places + index).initialize(to: swapped)
            var bit = size / 2
            while bit > 0 && swapped & bit != 0 {
                swapped ^= bit
                bit /= 2
            }
            swapped |= bit
        }
    }

    deinit {
        real.deallocate()
        imaginary.deallocate()
        cosines.deallocate()
        sines.deallocate()
        places.deallocate()
    }

    /// Writes `size / 2` powers, each times `scale`.
    mutating func power(
        of samples: UnsafePointer<Float>, window: UnsafePointer<Float>, into powers: UnsafeMutablePointer<Float>,
        scale: Float
    ) {
        for index in 0..<size {
            real[places[index]] = window[index] * samples[index]
            imaginary[index] = 0
        }
        var half = 1
        while half < size {
            let turn = size / (2 * half)
            var block = 0
            while block < size {
                for index in 0..<half {
                    let cosine = cosines[index &* turn]
                    let sine = sines[index &* turn]
                    let low = block &+ index
                    let high = low &+ half
                    let turnedReal = real[high] * cosine - imaginary[high] * sine
                    let turnedImaginary = real[high] * sine + imaginary[high] * cosine
                    real[high] = real[low] - turnedReal
                    imaginary[high] = imaginary[low] - turnedImaginary
                    real[low] += turnedReal
                    imaginary[low] += turnedImaginary
                }
                block &+= 2 &* half
            }
            half &*= 2
        }
        for index in 0..<(size / 2) {
            powers[index] = scale * (real[index] * real[index] + imaginary[index] * imaginary[index])
        }
    }
}

import Foundation

/// The power of a recording over time and frequency, as a picture: 0 to 8 kHz, 70 dB.
struct Spectrogram {
    private static let size = 512
    private static let rangeDecibels = 70.0

    let image: GreyImage

    /// - Parameter samples: mono, 16 kHz.
    init(of samples: [Float], width: Int) {
        let height = Self.size / 4
        var image = GreyImage(width: width, height: height)
        let window = (0..<Self.size).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(Self.size)) }
        var columns: [[Double]] = []
        for column in 0..<width {
            let centre = (2 * column + 1) * samples.count / (2 * width)
            let frame = (0..<Self.size).map { offset -> Double in
                let index = centre - Self.size / 2 + offset
                return samples.indices.contains(index) ? Double(samples[index]) * window[offset] : 0
            }
            columns.append(Self.powers(frame))
        }
        let loudest = columns.joined().max() ?? 0
        let top = 10 * log10(loudest + 1e-12)
        for (column, powers) in columns.enumerated() {
            for row in 0..<height {
                let bin = 2 * (height - 1 - row)
                let level = 10 * log10(max(powers[bin], powers[bin + 1]) + 1e-12)
                let share = (level - top + Self.rangeDecibels) / Self.rangeDecibels
                image.pixels[row * width + column] = UInt8(255 * min(max(share, 0), 1))
            }
        }
        self.image = image
    }

    /// The lower half of the discrete Fourier transform's power (radix 2, decimation in time).
    private static func powers(_ frame: [Double]) -> [Double] {
        var real = frame
        var imaginary = [Double](repeating: 0, count: size)
        var swapped = 0
        for index in 1..<size {
            var bit = size / 2
            while swapped & bit != 0 {
                swapped ^= bit
                bit /= 2
            }
            swapped |= bit
            if index < swapped { real.swapAt(index, swapped) }
        }
        var half = 1
        while half < size {
            for first in 0..<half {
                let angle = -Double.pi * Double(first) / Double(half)
                let (cosine, sine) = (cos(angle), sin(angle))
                for low in stride(from: first, to: size, by: 2 * half) {
                    let high = low + half
                    let turnedReal = real[high] * cosine - imaginary[high] * sine
                    let turnedImaginary = real[high] * sine + imaginary[high] * cosine
                    (real[high], imaginary[high]) = (real[low] - turnedReal, imaginary[low] - turnedImaginary)
                    (real[low], imaginary[low]) = (real[low] + turnedReal, imaginary[low] + turnedImaginary)
                }
            }
            half *= 2
        }
        return (0..<size / 2).map { real[$0] * real[$0] + imaginary[$0] * imaginary[$0] }
    }
}

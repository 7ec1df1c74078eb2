import CSignalKernels

/// Windowed-sinc interpolation at any position and for any reading speed.
///
/// A grain that is read at speed `alpha` > 1 must be band-limited to 0.97 / alpha of the band first, or it folds. The
/// table holds one bank of 24-tap filters for every step of the speed; each bank has 128 phases.
///
/// A grain that is read slower leaves the top of the band empty: at 0.87 all above 7 kHz. There the interpolation lets
/// through some of what it is otherwise to suppress, the spectrum mirrored about 8 kHz. It goes on at the level at which
/// the grain ends, has its rhythm, and costs neither time nor delay; in so high a band nobody hears it is mirrored.
struct SincTable: ~Copyable {
    static let taps = 24
    private static let phases = 128
    private static let banks = 32
    private static let slowBanks = 13
    private static let speedStep = 0.04
    /// How much of the empty band is filled, by experiment: the steeper part of the filter's edge fills some more.
    private static let fillShare = 0.6
    /// At most so far beyond 8 kHz; the mirror image of anything below 5 kHz would be too loud.
    private static let widestCutoff = 1.2
    /// What `lowBank` passes: below 2 kHz, at -6 dB there.
    private static let lowCutoff = 0.25
    private let storage: UnsafePointer<Float>

    init() {
        storage = Self.shared
    }

    /// Filled once and never written again: 570 kB and 4 ms that each converter would otherwise take for itself.
    private nonisolated(unsafe) static let shared: UnsafePointer<Float> = {
        let count = banks + slowBanks + 1
        let storage = UnsafeMutablePointer<Float>.allocate(capacity: count * perBank)
        storage.initialize(repeating: 0, count: count * perBank)
        for bank in 0..<count {
            for phase in 0...phases {
                fill(
                    storage + bank * perBank + phase * taps, cutoff: cutoff(bank: bank),
                    fraction: Double(phase) / Double(phases))
            }
        }
        return UnsafePointer(storage)
    }()

    private static let perBank = (phases + 1) * taps

    /// First the banks of speed 1 and above, then those below, then the low-pass.
    private static func cutoff(bank: Int) -> Double {
        if bank < banks { return bank == 0 ? 1 : 0.97 / (1 + Double(bank) * speedStep) }
        if bank == banks + slowBanks { return lowCutoff }
        let speed = 1 - Double(bank - banks + 1) * speedStep
        return min(widestCutoff, 1 + fillShare * (1 / speed - 1))
    }

    private static func fill(_ row: UnsafeMutablePointer<Float>, cutoff: Double, fraction: Double) {
        let half = Double(taps / 2)
        var sum = 0.0
        for tap in 0..<taps {
            let time = Double(tap) - (half - 1) - fraction
            let angle = Double.pi * time * cutoff
            let sinc = abs(angle) < 1e-9 ? 1 : csk_sin(angle) / angle
            let edge = min(abs(time) / half, 1)
            let window = 0.42 + 0.5 * csk_cos(Double.pi * edge) + 0.08 * csk_cos(2 * Double.pi * edge)
            row[tap] = Float(sinc * window * cutoff)
            sum += sinc * window * cutoff
        }
        for tap in 0..<taps {
            row[tap] /= Float(sum)
        }
    }

    /// The bank for a reading speed; pass it to `read`.
    func bank(speed: Double) -> UnsafePointer<Float> {
        if speed < 1 - Self.speedStep / 2 {
            let index = min(Int((1 - speed) / Self.speedStep + 0.5), Self.slowBanks)
            return storage + (Self.banks + index - 1) * Self.perBank
        }
        let wanted = speed <= 1.01 ? 0 : Int((speed - 1) / Self.speedStep + 0.999)
        return storage + min(wanted, Self.banks - 1) * Self.perBank
    }

    /// The bank that reads low frequencies alone.
    var lowBank: UnsafePointer<Float> {
        storage + (Self.banks + Self.slowBanks) * Self.perBank
    }

    /// The signal's value at a fractional absolute position.
    @inline(__always)
    static func read(
        _ history: borrowing SampleHistory, at position: Double, bank: UnsafePointer<Float>
    ) -> Float {
        let shifted = position + 1_048_576
        let whole = Int(shifted)
        let phase = Int((shifted - Double(whole)) * Double(phases) + 0.5)
        let samples = history.samples(from: whole - 1_048_576 - (taps / 2 - 1))
        let row = bank + phase * taps
        return dotProduct24(UnsafeRawPointer(samples), UnsafeRawPointer(row))
    }
}

/// The inner product of 24 samples and 24 taps.
@inline(__always)
private func dotProduct24(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Float {
    var sum = left.loadUnaligned(as: SIMD8<Float>.self) * right.loadUnaligned(as: SIMD8<Float>.self)
    sum +=
        left.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
        * right.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
    sum +=
        left.loadUnaligned(fromByteOffset: 64, as: SIMD8<Float>.self)
        * right.loadUnaligned(fromByteOffset: 64, as: SIMD8<Float>.self)
    return sum.sum()
}

import CSoxr
import VoiceSignal

/// A sample rate converter under measurement, as a stream of blocks.
protocol Engine: AnyObject {
    /// Converts a block and returns how many frames it wrote.
    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) -> Int
}

final class OurEngine: Engine {
    private var resampler: Resampler

    init(from: Int, to: Int, _ profile: Resampler.Profile, drift: Double = 0) throws {
        resampler = try Resampler(from: from, to: to, profile: profile)
        resampler.setDrift(ppm: drift)
    }

    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) -> Int {
        resampler.process(input, into: output).produced
    }

    /// A whole signal with the delay taken out.
    static func convert(_ input: [Float], from: Int, to: Int, _ profile: Resampler.Profile) throws -> [Float] {
        var resampler = try Resampler(from: from, to: to, profile: profile)
        resampler.skipDelay()
        let padded = input + [Float](repeating: 0, count: resampler.delayInputFrames)
        var output = [Float](repeating: 0, count: Resampler.outputFrames(forInput: input.count, from: from, to: to))
        _ = padded.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { resampler.process(source, into: $0) }
        }
        return output
    }
}

final class SoxrEngine: Engine {
    enum Quality {
        case hq, vhq
    }

    private let soxr: soxr_t

    init(from: Int, to: Int, _ quality: Quality) {
        // The recipe's macros are not imported: 4 is 20 bits (SOXR_HQ), 6 is 28 bits (SOXR_VHQ).
        var specification = soxr_quality_spec(quality == .hq ? 4 : 6, 0)
        var error: soxr_error_t?
        guard let made = soxr_create(Double(from), Double(to), 1, &error, nil, &specification, nil) else {
            fatalError("soxr_create: \(error.map { String(cString: $0) } ?? "out of memory")")
        }
        soxr = made
    }

    deinit {
        soxr_delete(soxr)
    }

    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) -> Int {
        var (consumed, produced) = (0, 0)
        soxr_process(soxr, input.baseAddress, input.count, &consumed, output.baseAddress, output.count, &produced)
        return produced
    }

    /// A whole signal; soxr takes its delay out by itself.
    static func convert(_ input: [Float], from: Int, to: Int, _ quality: Quality) -> [Float] {
        let engine = SoxrEngine(from: from, to: to, quality)
        let count = Resampler.outputFrames(forInput: input.count, from: from, to: to)
        var output = [Float](repeating: 0, count: count + 16)
        output.withUnsafeMutableBufferPointer { target in
            var written = input.withUnsafeBufferPointer { engine.process($0, into: target) }
            // No input means the end: the tail comes out.
            while written < count {
                let more = engine.process(.init(start: nil, count: 0), into: .init(rebasing: target[written...]))
                if more == 0 { break }
                written += more
            }
        }
        return Array(output[..<count])
    }
}

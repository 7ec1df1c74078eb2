import VoiceRelay
import VoiceSignal

/// Reads a recording as the converter takes it: mono, 16 kHz.
enum SpeechReader {
    /// A longer recording than this is cut: ten minutes say all about a voice.
    static let secondsMax = 600

    /// A recording, and what reading it has shown.
    struct Recording {
        var samples: [Float]
        /// Samples in runs at the recording's own limit, as a share of all, before resampling.
        var clippedShare: Double
    }

    static func samples(_ path: String) throws -> [Float] { try recording(path).samples }

    static func recording(_ path: String) throws -> Recording {
        let source = try FileSource(path: path)
        var resampler: Resampler
        do throws(ResamplerError) {
            resampler = try Resampler(from: source.sampleRate, to: RelayProtocol.sampleRate, profile: .archive)
        } catch {
            throw CommandFailure(status: .badInput, sentence: "\(path): \(source.sampleRate) Hz can't be converted")
        }
        resampler.skipDelay()
        let frames = min(source.frames, secondsMax * source.sampleRate)
        let wanted = Resampler.outputFrames(forInput: frames, from: source.sampleRate, to: RelayProtocol.sampleRate)
        var samples: [Float] = []
        samples.reserveCapacity(wanted)
        var block = [Float](repeating: 0, count: 4096)
        var output = [Float](repeating: 0, count: 4096)
        var clipping = ClippingMeter()
        while samples.count < wanted {
            var rest = try block.withUnsafeMutableBufferPointer { try source.read(into: $0) }
            for sample in block[..<rest] { clipping.add(sample) }
            if rest == 0 {
                for index in block.indices { block[index] = 0 }
                rest = block.count
            }
            var start = 0
            while start < rest, samples.count < wanted {
                let step = block[start..<rest].withUnsafeBufferPointer { input in
                    output.withUnsafeMutableBufferPointer { resampler.process(input, into: $0) }
                }
                start += step.consumed
                samples.append(contentsOf: output[..<min(step.produced, wanted - samples.count)])
            }
        }
        return Recording(samples: samples, clippedShare: clipping.share)
    }
}

/// Counts samples that stand in runs at the largest level of a recording, wherever that is: a recording that was
/// clipped and then turned down is as broken.
struct ClippingMeter {
    private static let near: Float = 0.999
    private static let shortestRun = 3
    /// Below this nothing clips.
    private static let least: Float = 0.05

    private var limit: Float = 0
    private var run = 0
    private var clipped = 0
    private var total = 0

    mutating func add(_ sample: Float) {
        let level = abs(sample)
        total += 1
        guard level.isFinite else { return }
        if level * Self.near > limit {
            // What stood lower was not clipped.
            limit = level
            run = 1
            clipped = 0
        } else if level >= limit * Self.near {
            limit = max(limit, level)
            run += 1
            if run == Self.shortestRun { clipped += run } else if run > Self.shortestRun { clipped += 1 }
        } else {
            run = 0
        }
    }

    var share: Double { limit < Self.least ? 0 : Double(clipped) / Double(max(total, 1)) }
}

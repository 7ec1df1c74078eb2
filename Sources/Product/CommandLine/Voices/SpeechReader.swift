import VoiceRelay
import VoiceSignal

/// Reads a recording as the converter takes it: mono, 16 kHz.
enum SpeechReader {
    /// A longer recording than this is cut: ten minutes say all about a voice.
    static let secondsMax = 600

    static func samples(_ path: String) throws -> [Float] {
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
        while samples.count < wanted {
            var rest = try block.withUnsafeMutableBufferPointer { try source.read(into: $0) }
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
        return samples
    }
}

import VoiceSignal

/// Resamples a whole signal with the delay taken out, as a file user does.
func resampled(
    _ input: [Float], from inputRate: Int, to outputRate: Int, _ profile: Resampler.Profile
) throws -> [Float] {
    var resampler = try Resampler(from: inputRate, to: outputRate, profile: profile)
    resampler.skipDelay()
    let count = Resampler.outputFrames(forInput: input.count, from: inputRate, to: outputRate)
    let fed = input + [Float](repeating: 0, count: resampler.delayInputFrames)
    var output = [Float](repeating: .nan, count: count)
    let (_, produced) = fed.withUnsafeBufferPointer { source in
        output.withUnsafeMutableBufferPointer { resampler.process(source, into: $0) }
    }
    precondition(produced == count)
    return output
}

/// One call of `process` with arrays.
func process(_ resampler: inout Resampler, _ input: [Float], room: Int) -> (output: [Float], consumed: Int) {
    var output = [Float](repeating: .nan, count: room)
    let (consumed, produced) = input.withUnsafeBufferPointer { source in
        output.withUnsafeMutableBufferPointer { resampler.process(source, into: $0) }
    }
    return (Array(output[..<produced]), consumed)
}

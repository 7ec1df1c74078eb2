import VoiceConversion

/// Runs a converter over a whole signal in blocks.
func converted(
    _ input: [Float], by converter: inout VoiceConverter, block: Int = 160,
    between: (Int, inout VoiceConverter) -> Void = { _, _ in }
) -> [Float] {
    var output = [Float](repeating: 0, count: input.count)
    var place = 0
    while place < input.count {
        let size = min(block, input.count - place)
        input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                converter.process(
                    UnsafeBufferPointer(rebasing: source[place..<(place + size)]),
                    into: UnsafeMutableBufferPointer(rebasing: target[place..<(place + size)]))
            }
        }
        place += size
        between(place, &converter)
    }
    return output
}

/// Converts with a named voice, or with fixed ratios.
func converted(
    _ input: [Float], voice: String, delay: ConversionDelay = .ms15, block: Int = 160,
    fixed: (pitch: Double, formant: Double)? = nil, seed: UInt64 = 1
) throws -> [Float] {
    var converter = VoiceConverter(voice: try catalogVoice(voice), delay: delay, seed: seed)
    if let fixed { converter.setFixedRatio(pitch: fixed.pitch, formant: fixed.formant) }
    return converted(input, by: &converter, block: block)
}

struct UnknownVoice: Error {
    let name: String
}

func catalogVoice(_ name: String) throws -> Voice {
    guard let voice = VoiceCatalog.voice(named: name) else { throw UnknownVoice(name: name) }
    return voice
}

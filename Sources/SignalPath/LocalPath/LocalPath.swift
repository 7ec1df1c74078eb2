import VoiceConversion
import VoiceSignal

/// From the source to the sink through the converter of this process, in signal order: resample to the converter's rate
/// → convert → take the converter's delay out → resample to the sink's rate.
///
/// Aligned with the source and exactly as long as it. Where both ends reach beyond 8 kHz, so does the path:
/// ``workingRate(source:sink:)`` says at which rate it converts. One thread at a time. Allocates at `init` only.
public struct LocalPath: ~Copyable {
    private static let blockFrames = 2048

    /// The rate of the conversion between these ends, in hertz.
    public let workingRate: Int
    private var toConverter: Resampler
    private var converter: RateConverter
    private var toSink: AlignedResampler
    private let between: UnsafeMutableBufferPointer<Float>

    /// - Parameters:
    ///   - sourceRate: frames per second of what will be pushed, 4,000...384,000.
    ///   - sinkRate: frames per second of what comes out, likewise.
    ///   - frames: how many frames the source has.
    ///   - voice: the voice to convert to.
    ///   - gateDecibels: as `VoiceConverter.setGate(thresholdDecibels:)`.
    ///   - speaker: who speaks, if that is known.
    ///   - mix: as `VoiceConverter.setMix(_:)`, from the first sample on.
    ///   - delay: the converter's, which is taken out.
    public init(
        sourceRate: Int, sinkRate: Int, frames: Int, voice: Voice, gateDecibels: Double? = nil,
        speaker: Voice.Speaker? = nil, mix: Double = 1, delay: ConversionDelay = .ms15,
        profile: Resampler.Profile = .archive
    ) throws(ResamplerError) {
        let rate = Self.workingRate(source: sourceRate, sink: sinkRate)
        var toConverter = try Resampler(from: sourceRate, to: rate, profile: profile)
        toConverter.skipDelay()
        var converter = RateConverter(voice: voice, rate: rate, delay: delay, speaker: speaker)
        converter.setGate(thresholdDecibels: gateDecibels)
        if mix != 1 {
            converter.setMix(mix)
            // Without a glide from the whole voice.
            converter.reset()
        }
        let toSink = try AlignedResampler(
            from: rate, to: sinkRate, profile: profile, delaySamples: converter.delayFrames,
            frames: Resampler.outputFrames(forInput: frames, from: sourceRate, to: sinkRate),
            blockFrames: Self.blockFrames)
        workingRate = rate
        self.toConverter = toConverter
        self.converter = converter
        self.toSink = toSink
        between = .allocate(capacity: Self.blockFrames)
        between.initialize(repeating: 0)
    }

    deinit {
        between.deallocate()
    }

    /// Frames that the sink still lacks.
    public var framesLeft: Int { toSink.framesLeft }

    /// 16 kHz where one end ends at 8 kHz anyway; else the lowest rate of the wide-band converter that loses nothing
    /// which both ends have, or its highest.
    public static func workingRate(source: Int, sink: Int) -> Int {
        let lower = min(source, sink)
        guard lower > RateConverter.narrowRate else { return RateConverter.narrowRate }
        let rates = WideBandConverter.supportedRates
        return rates.first { $0 >= lower } ?? rates[rates.count - 1]
    }

    /// Moves the gate, from the next frames on; as `VoiceConverter.setGate(thresholdDecibels:)`.
    public mutating func setGate(decibels: Double?) { converter.setGate(thresholdDecibels: decibels) }

    /// Takes frames of the source, all of them, and hands on what comes out.
    public mutating func push<Failure: Error>(
        _ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = input
        while framesLeft > 0 {
            let step = toConverter.process(rest, into: between)
            rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
            guard step.produced > 0 else { return }
            let converted = UnsafeMutableBufferPointer(rebasing: between[..<step.produced])
            converter.process(converted)
            try toSink.push(UnsafeBufferPointer(converted), deliver)
        }
    }

    /// After the source's last frame: hands on what is still under way, up to the promised length.
    public mutating func finish<Failure: Error>(
        _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        // What is pushed is converted in place of what was there: silence needs a buffer of its own.
        let silence = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockFrames)
        silence.initialize(repeating: 0)
        defer { silence.deallocate() }
        while framesLeft > 0 { try push(UnsafeBufferPointer(silence), deliver) }
    }
}

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
    private var toSink: Resampler
    private let between: UnsafeMutableBufferPointer<Float>
    private let block: UnsafeMutableBufferPointer<Float>
    private var framesToSkip: Int
    /// Frames that the sink still lacks.
    public private(set) var framesLeft: Int

    /// - Parameters:
    ///   - sourceRate: frames per second of what will be pushed, 4,000...384,000.
    ///   - sinkRate: frames per second of what comes out, likewise.
    ///   - frames: how many frames the source has.
    ///   - voice: the voice to convert to.
    ///   - gateDecibels: as `VoiceConverter.setGate(thresholdDecibels:)`.
    public init(
        sourceRate: Int, sinkRate: Int, frames: Int, voice: Voice, gateDecibels: Double? = nil,
        profile: Resampler.Profile = .archive
    ) throws(ResamplerError) {
        let rate = Self.workingRate(source: sourceRate, sink: sinkRate)
        var toConverter = try Resampler(from: sourceRate, to: rate, profile: profile)
        var toSink = try Resampler(from: rate, to: sinkRate, profile: profile)
        toConverter.skipDelay()
        toSink.skipDelay()
        workingRate = rate
        self.toConverter = toConverter
        self.toSink = toSink
        converter = RateConverter(voice: voice, rate: rate)
        converter.setGate(thresholdDecibels: gateDecibels)
        between = .allocate(capacity: Self.blockFrames)
        between.initialize(repeating: 0)
        block = .allocate(capacity: Self.blockFrames)
        block.initialize(repeating: 0)
        framesToSkip = converter.delayFrames
        framesLeft = Resampler.outputFrames(forInput: frames, from: sourceRate, to: sinkRate)
    }

    deinit {
        between.deallocate()
        block.deallocate()
    }

    /// 16 kHz where one end ends at 8 kHz anyway; else the lowest rate of the wide-band converter that loses nothing
    /// which both ends have, or its highest.
    public static func workingRate(source: Int, sink: Int) -> Int {
        let lower = min(source, sink)
        guard lower > RateConverter.narrowRate else { return RateConverter.narrowRate }
        let rates = WideBandConverter.supportedRates
        return rates.first { $0 >= lower } ?? rates[rates.count - 1]
    }

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
            let skipped = min(framesToSkip, converted.count)
            framesToSkip -= skipped
            try resample(UnsafeBufferPointer(rebasing: converted[skipped...]), deliver)
        }
    }

    /// After the source's last frame: hands on what is still under way, up to the promised length.
    public mutating func finish<Failure: Error>(
        _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        // The block is written to only behind the resampler that has read it: silence needs a buffer of its own.
        let silence = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockFrames)
        silence.initialize(repeating: 0)
        defer { silence.deallocate() }
        while framesLeft > 0 { try push(UnsafeBufferPointer(silence), deliver) }
    }

    private mutating func resample<Failure: Error>(
        _ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        var rest = input
        while framesLeft > 0 {
            let room = UnsafeMutableBufferPointer(rebasing: block[..<min(framesLeft, Self.blockFrames)])
            let step = toSink.process(rest, into: room)
            rest = UnsafeBufferPointer(rebasing: rest[step.consumed...])
            guard step.produced > 0 else { return }
            framesLeft -= step.produced
            try deliver(UnsafeBufferPointer(rebasing: room[..<step.produced]))
        }
    }
}

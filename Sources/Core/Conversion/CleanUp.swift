/// What is done to the microphone's signal before it is converted; all off to begin with.
public struct CleanUpSettings: Sendable, Hashable {
    /// Takes away what lies below 80 Hz: rumble, handling, the mains.
    public var highPass: Bool
    /// Brings speech to one level, slowly.
    public var level: Bool
    /// Finds howls of a loop from speaker to microphone and takes them away.
    public var feedbackGuard: Bool

    public init(highPass: Bool = false, level: Bool = false, feedbackGuard: Bool = false) {
        self.highPass = highPass
        self.level = level
        self.feedbackGuard = feedbackGuard
    }

    /// Whether nothing at all is done.
    public var isOff: Bool { !highPass && !level && !feedbackGuard }
}

/// The clean-up in front of a converter, in the order of the signal: high-pass, feedback guard, automatic level.
///
/// Mono at any rate, in place, without delay: what is off or has nothing to do passes samples bit for bit. The output is
/// the same bit for bit however the input is cut into blocks. The noise gate is not here: it uses the converter's
/// delay to open before a word (`VoiceConverter.setGate`).
///
/// Threads: one at a time, but it may move between threads. `init` allocates everything.
public struct CleanUp: ~Copyable, Sendable {
    private static let highPassHertz = 80.0

    private let settings: CleanUpSettings
    private var highPass: FourthOrderFilter
    private var feedbackGuard: FeedbackGuard
    private var level: AutomaticLevel

    /// - Parameter rate: Frames per second; below 4,000 counts as 4,000.
    public init(rate: Int, settings: CleanUpSettings) {
        let rate = max(4_000, rate)
        self.settings = settings
        highPass = FourthOrderFilter(cutoffHertz: Self.highPassHertz, highPass: true, rate: Double(rate))
        feedbackGuard = FeedbackGuard(rate: rate)
        level = AutomaticLevel(rate: rate)
    }

    /// Cleans a block of any size in place; samples that are not finite become silence. Audio thread; no allocation,
    /// no lock.
    @_noLocks @_noAllocation
    public mutating func process(_ samples: UnsafeMutableBufferPointer<Float>) {
        guard !settings.isOff else { return }
        for index in 0..<samples.count {
            var value = samples[index]
            if !value.isFinite { value = 0 }
            if settings.highPass { value = Float(highPass.filter(Double(max(-8, min(8, value))))) }
            if settings.feedbackGuard { value = feedbackGuard.filter(value) }
            if settings.level { value = level.apply(to: value) }
            samples[index] = value
        }
    }

    /// What the automatic level does at present, in decibels.
    public var levelDecibels: Double { Double(level.gainDecibels) }

    /// Howls that are held down at present.
    public var howls: Int { feedbackGuard.notchCount }

    /// Forgets the signal and the speaker, keeps the settings. Audio thread.
    @_noLocks @_noAllocation
    public mutating func reset() {
        highPass.reset()
        feedbackGuard.reset()
        level.reset()
    }
}

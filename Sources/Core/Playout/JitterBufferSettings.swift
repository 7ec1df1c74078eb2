extension JitterBuffer {
    /// What a jitter buffer is made for. Times in nanoseconds.
    public struct Settings: Sendable, Hashable {
        /// Samples per second of the stream, 8,000...96,000.
        public var rate: Int
        /// The depth to begin with, until the arrivals say otherwise.
        public var startNanoseconds: Int64
        /// Bounds of the depth.
        public var depthMinNanoseconds: Int64
        public var depthMaxNanoseconds: Int64
        /// Depth beyond what the arrivals need.
        public var marginNanoseconds: Int64
        /// Share of the sound that shall be there in time.
        public var quantile: Double
        /// The depth shrinks when it can by so much at least: smaller steps are not worth a change.
        public var shrinkNanoseconds: Int64
        /// An error of the delay from which on sound is cut out or played twice; below, the clocks' loop repairs it.
        public var spliceNanoseconds: Int64
        /// What lies so far beyond the depth is too old: it is skipped at once.
        public var lateNanoseconds: Int64
        /// How finely and for how long the arrivals are watched.
        public var scale: ArrivalScale = .network

        /// For a network: 16 kHz, P95 of the arrivals.
        public static let relay = Settings(
            rate: 16_000, startNanoseconds: 60_000_000, depthMinNanoseconds: 12_000_000,
            depthMaxNanoseconds: 300_000_000, marginNanoseconds: 3_000_000, quantile: 0.95,
            shrinkNanoseconds: 4_000_000, spliceNanoseconds: 6_000_000, lateNanoseconds: 60_000_000)

        /// For a converter in this process, at the device's rate: as shallow as the threads' wake-ups allow.
        public static func local(rate: Int) -> Settings {
            Settings(
                rate: rate, startNanoseconds: 3_500_000, depthMinNanoseconds: 1_000_000,
                depthMaxNanoseconds: 80_000_000, marginNanoseconds: 400_000, quantile: 0.998,
                shrinkNanoseconds: 400_000, spliceNanoseconds: 5_000_000, lateNanoseconds: 6_000_000,
                scale: .threads)
        }
    }
}

/// The times by which arrivals are watched, in nanoseconds: those of a network, or of threads in one machine.
public struct ArrivalScale: Sendable, Hashable {
    /// Width of the histogram's buckets.
    var bucketNanoseconds: Int64
    /// A sixteenth of the time in which the earliest arrival is looked for.
    var anchorBucketNanoseconds: Int64
    /// What goes beyond the usual by so much is an excursion.
    var excursionNanoseconds: Int64
    /// Sound from the beginning of which even an excursion is learnt.
    var learnNanoseconds: Int64
    /// Sound after which an observation weighs 1/e.
    var memoryNanoseconds: Double
    /// What a repeated excursion needs is kept for so long.
    var holdNanoseconds: Int64
    /// A speaker that asks so much earlier or later than due has stood still, or was moved.
    var jumpNanoseconds: Double
    /// After so long it is forgotten that the speaker asked early.
    var earlinessNanoseconds: Double
    /// Whether the depth follows what is left over at the pulls, instead of the arrivals alone.
    var watchesSpare = false

    public static let network = ArrivalScale(
        bucketNanoseconds: 500_000, anchorBucketNanoseconds: 125_000_000, excursionNanoseconds: 5_000_000,
        learnNanoseconds: 1_000_000_000, memoryNanoseconds: 5e9, holdNanoseconds: 2_000_000_000,
        jumpNanoseconds: 100e6, earlinessNanoseconds: 10e9)

    /// What comes first while sound servers settle on their period says nothing. Wakes are late by tenths of a
    /// millisecond, and by some milliseconds when the machine is busy, for as long as it is busy.
    public static let threads = ArrivalScale(
        bucketNanoseconds: 100_000, anchorBucketNanoseconds: 30_000_000, excursionNanoseconds: 1_000_000,
        learnNanoseconds: 0, memoryNanoseconds: 2e9, holdNanoseconds: 8_000_000_000,
        jumpNanoseconds: 4e6, earlinessNanoseconds: 3e9, watchesSpare: true)
}

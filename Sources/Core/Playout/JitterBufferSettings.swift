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

        /// For a network: 16 kHz, P95 of the arrivals.
        public static let relay = Settings(
            rate: 16_000, startNanoseconds: 60_000_000, depthMinNanoseconds: 20_000_000,
            depthMaxNanoseconds: 300_000_000, marginNanoseconds: 5_000_000, quantile: 0.95,
            shrinkNanoseconds: 4_000_000, spliceNanoseconds: 10_000_000, lateNanoseconds: 60_000_000)

        /// For a converter in this process, at the device's rate: as shallow as the threads' wake-ups allow.
        public static func local(rate: Int) -> Settings {
            Settings(
                rate: rate, startNanoseconds: 6_000_000, depthMinNanoseconds: 1_000_000,
                depthMaxNanoseconds: 80_000_000, marginNanoseconds: 700_000, quantile: 0.998,
                shrinkNanoseconds: 1_000_000, spliceNanoseconds: 5_000_000, lateNanoseconds: 40_000_000)
        }
    }
}

/// The threshold of a gate that hears the sound behind the automatic level, but is meant for the level before it.
///
/// Threads: one at a time, but it may move between threads; neither allocates nor locks.
public struct LevelledThreshold: Sendable {
    /// So little is not worth a change.
    private static let step = 0.05

    /// In decibels of the input; nil where there is no gate.
    public var decibels: Double?
    /// What the automatic level did when the gate was set last.
    private var level = 0.0

    /// - Parameter decibels: as `VoiceConverter.setGate(thresholdDecibels:)`, of the input; a gate that is new has it.
    public init(decibels: Double? = nil) {
        self.decibels = decibels
    }

    /// Where the gate is to be set now that the input is raised by `level` decibels; nil while it may stay.
    @_noLocks @_noAllocation
    public mutating func moved(by level: Double) -> Double? {
        guard let decibels, abs(level - self.level) >= Self.step else { return nil }
        self.level = level
        return decibels + level
    }

    /// What a gate hears of the threshold at the level at which `moved` saw it last.
    public var atGate: Double? { decibels.map { $0 + level } }
}

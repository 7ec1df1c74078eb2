import NIOCore
import VoiceRelay

/// Judges the pace of one session's frames.
struct FramePace {
    private let wire: RelayWire
    private var sound = RateMeter()
    /// Packets have a ceiling of their bytes besides the one of their seconds.
    private var packets: RateMeter?

    init(_ wire: RelayWire) {
        self.wire = wire
        if wire == .opus { packets = RateMeter(ceilingBytesPerSecond: RelayProtocol.opusAcceptedBytesPerSecond) }
    }

    /// What is too fast about a frame; `nil` when nothing is.
    mutating func haste(of bytes: Int, samples: Int, at arrived: NIODeadline, lateness: TimeAmount) -> String? {
        // Packets count as the samples that they stand for: the same seconds, the same bill, the same ceiling.
        guard sound.admit(samples * RelayProtocol.bytesPerSample, at: arrived, lateness: lateness) else {
            return "more than 1.5 times real time (\(sound.allowedBytes) bytes in one second)"
        }
        guard packets?.admit(bytes, at: arrived, lateness: lateness) ?? true else {
            return "more than \(RelayProtocol.opusAcceptedBytesPerSecond) bytes of \(wire.format) in one second"
        }
        return nil
    }
}

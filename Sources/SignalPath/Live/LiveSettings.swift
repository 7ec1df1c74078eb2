import VoiceConversion
import VoicePlayout
import VoiceRelay

/// What a live path is made of.
public struct LiveSettings: Sendable {
    /// Samples per second of microphone and speaker.
    public var captureRate: Int
    public var playbackRate: Int
    /// Of the way back; its rate is that of the conversion.
    public var playout: JitterBuffer.Settings
    /// What goes out at once: the relay's packets. nil takes blocks as they come.
    public var packet: PacketPacker.Duration?
    /// Done to the microphone's sound before anything else; the own voice has it, too.
    public var cleanUp = CleanUpSettings()
    /// Sound that waits for longer than this is not sent any more.
    public var ageMaxNanoseconds: Int64 = 120_000_000
    /// Sound that may be on its way there and back; beyond it nothing more is sent, so that nothing old piles up where
    /// nobody can take it back. At the declared rate it is no more than the relay's ceiling lets pass in a second.
    public var outstandingMaxNanoseconds: Int64 = 1_500_000_000
    /// Silence that is sent after the microphone is muted, to get all that was said out of the converter.
    public var muteTailNanoseconds: Int64 = 1_000_000_000

    /// Through a relay.
    public static func relay(
        captureRate: Int, playbackRate: Int, packet: PacketPacker.Duration = .milliseconds10
    ) -> LiveSettings {
        LiveSettings(captureRate: captureRate, playbackRate: playbackRate, playout: .relay, packet: packet)
    }

    /// Through a converter in this process.
    public static func local(captureRate: Int, playbackRate: Int, streamRate: Int) -> LiveSettings {
        var settings = LiveSettings(
            captureRate: captureRate, playbackRate: playbackRate, playout: .local(rate: streamRate), packet: nil)
        settings.muteTailNanoseconds = 100_000_000
        return settings
    }

    public var streamRate: Int { playout.rate }
}

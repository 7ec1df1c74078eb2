import VoiceALSADevice

/// The kernel's loopback card: what is played into its first device is recorded from its second.
package struct LoopbackCard: Equatable {
    let identifier: String

    package var playbackName: String { "hw:CARD=\(identifier),DEV=0" }
    package var otherEnd: String { "hw:CARD=\(identifier),DEV=1" }

    /// The first one among the kernel's cards.
    package static func find(cards: String? = nil) -> LoopbackCard? {
        let text = cards ?? fileText("/proc/asound/cards")
        return text.firstMatch(of: #/\[([^\]\s]+)\s*\]: Loopback - /#)
            .map { LoopbackCard(identifier: String($0.output.1)) }
    }
}

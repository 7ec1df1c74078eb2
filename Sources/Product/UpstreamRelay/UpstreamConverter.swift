import VoiceConversion
import VoiceRelay
import VoiceServer

/// One session's sound on its way through another relay: given and taken without waiting, whatever the other end does.
///
/// When it goes, the session there is closed.
final class UpstreamConverter: SessionConverter {
    private let link: UpstreamLink

    init(_ order: RemoteOrder, by upstream: UpstreamRelay) {
        link = UpstreamLink(onChange: order.onChange)
        UpstreamRun.start(order, upstream, link)
    }

    deinit {
        link.abandon()
    }

    var isReady: Bool { link.ready != nil }
    var delaySamples: Int { link.ready?.delaySamples ?? 0 }
    var changesVoice: Bool { link.ready?.features.contains(RelayProtocol.Feature.voice) ?? false }
    var answersVoiceLater: Bool { link.ready?.features.contains(RelayProtocol.Feature.voiceAnswer) ?? false }
    var isDrained: Bool { link.isDrained }

    func setVoice(_ voice: Voice) throws {
        guard changesVoice else { throw ConverterRefusal("the voice can't change inside a session here") }
        link.setVoice(voice.name)
    }

    func takeVoiceAnswers() -> [RelayVoiceAnswer] { link.takeVoiceAnswers() }

    func convert(_ input: UnsafeBufferPointer<Float>, _ deliver: (UnsafeBufferPointer<Float>) -> Void) throws {
        try link.push(input)
        try poll(deliver)
    }

    func flush(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws {
        link.end()
        try poll(deliver)
    }

    func poll(_ deliver: (UnsafeBufferPointer<Float>) -> Void) throws {
        let (answer, failure) = link.take()
        answer.withUnsafeBufferPointer { if !$0.isEmpty { deliver($0) } }
        // What came before the fault is still the user's.
        if let failure, answer.isEmpty { throw failure }
    }
}

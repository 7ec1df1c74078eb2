import VoiceConversion
import VoiceLivePath
import VoicePlayout
import VoiceRealtime
import VoiceWebSocketClient

/// The converter of this process: no network, and the whole band of the device.
final class LocalBackend: LiveBackend {
    private var converter: WideBandConverter
    private let answer: UnsafeMutableBufferPointer<Float>
    private let rate: Int
    private var voice: String
    private var isReady = false
    let failure: ConversionError? = nil
    let isOver = false

    /// The rate that serves a device of `deviceRate`: its own where the converter can take it.
    static func rate(for deviceRate: Int) -> Int {
        WideBandConverter.supportedRates.contains(deviceRate) ? deviceRate : 48_000
    }

    init(voice: Voice, rate: Int, delay: ConversionDelay, speaker: Voice.Speaker?) throws {
        converter = try WideBandConverter(voice: voice, rate: rate, delay: delay, speaker: speaker)
        self.rate = rate
        self.voice = voice.name
        // The path never has more at once.
        answer = .allocate(capacity: PeriodFrames.most(rate: rate))
        answer.initialize(repeating: 0)
    }

    deinit {
        answer.deallocate()
    }

    func turn(_ path: inout LivePath, now: MonotonicTime) -> [LiveEvent] {
        if !isReady { path.converterReady(delaySamples: converter.delaySamples, isPaced: false) }
        while case .now(let count) = path.departure(now: now) {
            let block = UnsafeMutableBufferPointer(rebasing: answer[..<count])
            path.depart(
                samples: count, clock: { now },
                send: { samples in
                    converter.process(samples, into: block)
                })
            path.receive(UnsafeBufferPointer(block), now: now)
        }
        if isReady { return [] }
        isReady = true
        return [.ready(sessionID: nil)]
    }

    func wait(until deadline: MonotonicTime, descriptors: WebSocketDriver.Companions) {
        waitForDescriptors(descriptors, until: deadline)
    }

    func setVoice(_ voice: LiveVoice) -> [LiveEvent] {
        guard let prepared = voice.prepared else {
            return [.voiceRefused(voice.name, reason: "it is not a voice of this machine")]
        }
        converter.setVoice(prepared)
        self.voice = voice.name
        return [.voiceChanged(voice.name)]
    }

    func setMix(_ share: Double) { converter.setMix(share) }

    func setGate(decibels: Double?) { converter.setGate(thresholdDecibels: decibels) }

    func finish() {}

    func describe(_ snapshot: inout LiveSnapshot, now: MonotonicTime) {
        snapshot.isLocal = true
        snapshot.link = .running
        snapshot.voice = voice
        snapshot.heardSpeaker = converter.heardSpeaker
        snapshot.budget.declared = Int64(converter.delaySamples) * 1_000_000_000 / Int64(rate)
    }
}

import Synchronization
import VoiceKit

/// What keys and the control socket do to a session. From any thread.
final class LiveControls: Sendable {
    private struct State {
        var isMuted: Bool
        var isBypassed: Bool
        var gain: Double
        var voice: String
    }

    let session: LiveSession
    let recorder: LiveRecorder
    private let voices: VoiceLibrary
    private let isLocal: Bool
    private let state: Mutex<State>

    init(
        session: LiveSession, voices: VoiceLibrary, isLocal: Bool, recorder: LiveRecorder, start options: LiveOptions
    ) {
        self.session = session
        self.voices = voices
        self.isLocal = isLocal
        self.recorder = recorder
        let voice =
            switch options.backend {
            case .local(let voice, _): voice.name
            case .relay(_, let name): name
            }
        state = Mutex(
            State(
                isMuted: options.startsMuted, isBypassed: options.startsBypassed, gain: options.gainDecibels,
                voice: voice))
    }

    func setMuted(_ muted: Bool) {
        state.withLock { $0.isMuted = muted }
        session.setMuted(muted)
    }

    func toggleMute() { setMuted(state.withLock { !$0.isMuted }) }

    func setBypassed(_ bypassed: Bool) {
        state.withLock { $0.isBypassed = bypassed }
        session.setBypassed(bypassed)
    }

    func toggleBypass() { setBypassed(state.withLock { !$0.isBypassed }) }

    func setGain(decibels: Double) {
        state.withLock { $0.gain = decibels }
        session.setGain(decibels: decibels)
    }

    func changeGain(by decibels: Double) {
        let gain = state.withLock { state in
            state.gain = min(max(state.gain + decibels, -60), 40)
            return state.gain
        }
        session.setGain(decibels: gain)
    }

    /// Begins a recording or ends it, and says what came of it.
    func toggleRecording() -> String {
        if recorder.isRecording {
            let names = recorder.stop()
            return names.isEmpty
                ? recorder.problem?.sentence ?? "nothing is recorded" : "recorded \(names.joined(separator: " and "))"
        }
        recorder.start()
        return recorder.isRecording ? "recording" : recorder.problem?.sentence ?? "there is nothing to record yet"
    }

    /// Changes to a voice by its name; throws the sentence when this machine has none of that name.
    func setVoice(_ name: String) throws {
        if isLocal {
            let voice = try voices.voice(named: name)
            session.setVoice(voice.name, voice)
        } else {
            session.setVoice(name)
        }
        state.withLock { $0.voice = name.lowercased() }
    }

    /// The next voice of the list, or the one before.
    func stepVoice(by step: Int) {
        let names = voices.all.map(\.name)
        guard !names.isEmpty else { return }
        let current = state.withLock { $0.voice }
        let index = names.firstIndex(of: current) ?? 0
        let next = names[((index + step) % names.count + names.count) % names.count]
        // Its name is from the library itself.
        try? setVoice(next)
    }
}

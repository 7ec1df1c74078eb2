import Foundation
import Synchronization
import VoiceConversion
import VoiceKit

/// What keys and the control socket do to a session. From any thread.
final class LiveControls: Sendable {
    private struct State {
        var isMuted: Bool
        var isBypassed: Bool
        var gain: Double
        var voice: String
        var tuning: VoiceTuning
    }

    /// A relay at the other end of the world answers sooner; `quota-voice ctl` must not wait for ever.
    static let answerSecondsMax = 4

    let session: LiveSession
    let recorder: LiveRecorder
    private let voices: VoiceLibrary
    private let isLocal: Bool
    private let state: Mutex<State>

    init(
        session: LiveSession, voices: VoiceLibrary, isLocal: Bool, recorder: LiveRecorder, start options: LiveOptions,
        tuning: VoiceTuning
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
                voice: voice, tuning: tuning))
    }

    func setMuted(_ muted: Bool) { changeMuted { _ in muted } }

    func toggleMute() { changeMuted { !$0 } }

    /// The session is told under the lock, so that of two who ask at once the later one counts there, too.
    private func changeMuted(_ change: (Bool) -> Bool) {
        state.withLock { state in
            state.isMuted = change(state.isMuted)
            session.setMuted(state.isMuted)
        }
    }

    func setBypassed(_ bypassed: Bool) { changeBypassed { _ in bypassed } }

    func toggleBypass() { changeBypassed { !$0 } }

    private func changeBypassed(_ change: (Bool) -> Bool) {
        state.withLock { state in
            state.isBypassed = change(state.isBypassed)
            session.setBypassed(state.isBypassed)
        }
    }

    func setGain(decibels: Double) { changeGain { _ in decibels } }

    func changeGain(by decibels: Double) { changeGain { min(max($0 + decibels, -60), 40) } }

    private func changeGain(_ change: (Double) -> Double) {
        state.withLock { state in
            state.gain = change(state.gain)
            session.setGain(decibels: state.gain)
        }
    }

    /// Begins a recording or ends it, and says what came of it.
    func toggleRecording() -> String {
        if recorder.isRecording {
            let names = recorder.stop()
            return names.isEmpty
                ? recorder.problem?.sentence ?? "nothing is recorded" : "recorded \(names.joined(separator: " and "))"
        }
        do throws(CommandFailure) {
            try recorder.start()
            return "recording"
        } catch {
            return error.sentence
        }
    }

    /// Asks for a voice by its name; throws the sentence when this machine is to convert and has none of that name, or
    /// can't move it as far as this one is.
    @discardableResult
    func setVoice(_ name: String) throws -> LiveVoiceRequest {
        guard isLocal else {
            let voice = VoiceCatalog.voice(named: name)
            return state.withLock { state in
                // From one that nobody knows there is no step to the next.
                if let voice { state.voice = voice.name }
                return session.setVoice(voice?.name ?? name)
            }
        }
        return try state.withLock { state in
            let voice = try voices.voice(named: name).moved(by: state.tuning)
            state.voice = voice.name
            return session.setVoice(voice.name, voice)
        }
    }

    /// How the voice of this machine is moved and mixed; nil with a relay, which can't do that.
    var tuning: VoiceTuning? { isLocal ? state.withLock { $0.tuning } : nil }

    /// Moves or mixes the voice of this machine, smoothly; throws the sentence that says why that can't be.
    func tune(_ edit: (inout VoiceTuning) -> Void) throws {
        guard isLocal else {
            throw CommandFailure(
                status: .usage,
                sentence: "pitch, formant and mix are for the voices of this machine only; start live with --local")
        }
        try state.withLock { state in
            var wanted = state.tuning
            edit(&wanted)
            session.moveVoice(try voices.voice(named: state.voice).moved(by: wanted))
            session.setMix(wanted.share)
            state.tuning = wanted
        }
    }

    /// The next voice of the list, or the one before, that can be moved as far as this one is. A relay has the voices that
    /// come with quota-voice, and not those of this machine's user.
    @discardableResult
    func stepVoice(by step: Int) -> LiveVoiceRequest? {
        let names = (isLocal ? voices.all : VoiceCatalog.all).map(\.name)
        let current = state.withLock { $0.voice }
        // From a voice that is not in the list, to its first or last.
        let start = names.firstIndex(of: current) ?? (step > 0 ? -1 : names.count)
        for count in names.indices {
            let next = start + (count + 1) * step
            if let request = try? setVoice(names[(next % names.count + names.count) % names.count]) { return request }
        }
        return nil
    }

    /// Waits until it is known what became of a request for a voice; throws the sentence when the old voice goes on.
    func confirm(_ request: LiveVoiceRequest?) throws {
        guard let request else { return }
        let deadline = ContinuousClock.now + .seconds(Self.answerSecondsMax)
        while ContinuousClock.now < deadline {
            switch session.outcome(of: request) {
            case .changed: return
            case .superseded:
                throw CommandFailure(status: .tryAgain, sentence: "another voice was asked for meanwhile")
            case .refused(let reason): throw CommandFailure(status: .usage, sentence: LiveReport.refusal(reason))
            case nil: Thread.sleep(forTimeInterval: 0.01)
            }
        }
        throw CommandFailure(
            status: .tryAgain, sentence: "the relay has not answered yet; the voice changes when it does, if it has it")
    }
}

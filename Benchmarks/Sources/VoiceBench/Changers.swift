import CRubberBand
import CSoundTouch
import VoiceConversion

/// A voice changer under measurement, as a stream of blocks: every input block is followed by all output that is ready.
protocol Changer: AnyObject {
    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>)
}

/// What all of them are asked to do.
struct Setting {
    let name: String
    let pitch: Double
    let formants: Double
}

/// Ours at the converter's own rate of 16 kHz.
final class OurChanger: Changer {
    private var converter: VoiceConverter

    init(_ setting: Setting, delay: ConversionDelay) {
        converter = VoiceConverter(voice: setting.voice, delay: delay)
    }

    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) {
        converter.process(input, into: output)
    }
}

/// Ours at a device's rate, with the band above 8 kHz.
final class OurWideChanger: Changer {
    private var converter: WideBandConverter

    init(_ setting: Setting, rate: Int) throws {
        converter = try WideBandConverter(voice: setting.voice, rate: rate)
    }

    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) {
        converter.process(input, into: output)
    }
}

extension Setting {
    fileprivate var voice: Voice {
        Voice(name: "bench", summary: "Fixed ratios.", pitch: .ratio(pitch), formants: .ratio(formants))
    }
}

/// Rubber Band's R3 engine in its real-time mode, formants kept and then scaled.
final class RubberBandChanger: Changer {
    enum Window {
        case standard, short
    }

    private let state: RubberBandState

    init(_ setting: Setting, rate: Int, window: Window) {
        var options =
            RubberBandOptionProcessRealTime.rawValue | RubberBandOptionEngineFiner.rawValue
            | RubberBandOptionFormantPreserved.rawValue | RubberBandOptionPitchHighConsistency.rawValue
        if window == .short { options |= RubberBandOptionWindowShort.rawValue }
        guard let made = rubberband_new(UInt32(rate), 1, RubberBandOptions(options), 1, setting.pitch) else {
            fatalError("rubberband_new: out of memory")
        }
        state = made
        rubberband_set_max_process_size(state, UInt32(rate / 100))
        // Relative to the pitch: its own default for keeping formants is 1 / pitch.
        rubberband_set_formant_scale(state, setting.formants / setting.pitch)
    }

    deinit {
        rubberband_delete(state)
    }

    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) {
        var source = input.baseAddress
        var target = output.baseAddress
        rubberband_process(state, &source, UInt32(input.count), 0)
        // More than is available would be answered with a warning on standard error.
        while case let available = rubberband_available(state), available > 0 {
            _ = rubberband_retrieve(state, &target, min(UInt32(available), UInt32(output.count)))
        }
    }
}

/// SoundTouch: moves the pitch and the formants with it, it has no other way.
final class SoundTouchChanger: Changer {
    private let handle: SoundTouchHandle

    init(_ setting: Setting, rate: Int) {
        guard let made = soundtouch_createInstance() else { fatalError("soundtouch_createInstance: out of memory") }
        handle = made
        soundtouch_setSampleRate(handle, UInt32(rate))
        soundtouch_setChannels(handle, 1)
        soundtouch_setPitch(handle, Float(setting.pitch))
    }

    deinit {
        soundtouch_destroyInstance(handle)
    }

    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) {
        soundtouch_putSamples(handle, input.baseAddress, UInt32(input.count))
        while soundtouch_receiveSamples(handle, output.baseAddress, UInt32(output.count)) > 0 {}
    }
}

import VoiceConversion
import VoiceSignal

// Compares the cost of the local voices with that of libraries that change voices, in blocks of 10 ms, one thread, at
// equal settings. The argument is the number of rounds (9).

let rounds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 9
let upward = Setting(name: "man to woman, pitch x1.7, formants x1.15", pitch: 1.7, formants: 1.15)
let downward = Setting(name: "woman to man, pitch x0.6, formants x0.87", pitch: 0.6, formants: 0.87)
let man = Speech(fixture: "speech-male.wav")
let woman = Speech(fixture: "speech-female.wav")

func show(_ setting: Setting, _ speech: Speech, _ ours: [Contender]) throws {
    let peers = [
        Contender(name: "Rubber Band R3") { RubberBandChanger(setting, rate: speech.rate, window: .standard) },
        Contender(name: "Rubber Band R3, short window") {
            RubberBandChanger(setting, rate: speech.rate, window: .short)
        },
        Contender(name: "SoundTouch (pitch alone)") { SoundTouchChanger(setting, rate: speech.rate) },
    ]
    print("\(setting.name), \(speech.rate) Hz")
    print(
        "  " + left("", 32) + right("real time x", 12) + right("cost", 8) + right("median us", 11)
            + right("worst us", 10) + right("worst/med", 11) + right("KiB", 8))
    let clock = BlockClock(rounds: rounds, blockFrames: speech.rate / 100, rate: speech.rate)
    for timing in try clock.compare(ours + peers, on: speech.samples) {
        print(
            "  " + left(timing.name, 32) + column(timing.realTimeFactor, 5, 12) + column(timing.costOverFirst, 2, 8)
                + column(timing.medianNanoseconds / 1e3, 1, 11) + column(timing.worstNanoseconds / 1e3, 1, 10)
                + column(timing.worstNanoseconds / timing.medianNanoseconds, 1, 11)
                + column(timing.heapBytes / 1024, 0, 8))
    }
}

func narrow(_ setting: Setting) -> [Contender] {
    ConversionDelay.allCases.map { delay in
        Contender(name: "ours, \(delay.samples / 16) ms") { OurChanger(setting, delay: delay) }
    }
}

/// The sentence at the converter's own rate.
func narrowed(_ speech: Speech) throws -> Speech {
    var resampler = try Resampler(from: speech.rate, to: 16_000, profile: .archive)
    let count = Resampler.outputFrames(forInput: speech.samples.count, from: speech.rate, to: 16_000)
    var samples = [Float](repeating: 0, count: count)
    let made = speech.samples.withUnsafeBufferPointer { source in
        samples.withUnsafeMutableBufferPointer { resampler.process(source, into: $0).produced }
    }
    return Speech(rate: 16_000, samples: Array(samples[..<made]))
}

print("Processor time of a voice changer; cost: times the first line's")
try show(upward, try narrowed(man), narrow(upward))
try show(downward, woman, narrow(downward))
try show(upward, man, [Contender(name: "ours, wide-band") { try OurWideChanger(upward, rate: man.rate) }])

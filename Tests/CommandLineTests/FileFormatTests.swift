import Foundation
import ProcessSupport
import Testing

/// What people have lying about, converted on this machine with the voice that changes nothing.
@Suite(.boundedCrowd) struct FileFormatTests {
    private func convert(_ words: [String], input: String? = nil) async throws -> ProcessResult {
        try await Command.quotaVoice(["convert", "--local", "--voice", "none"] + words, input: input)
    }

    /// Amplitude within 0.1 dB and position within a tenth of a millisecond, from 150 Hz to 7 kHz.
    private func expectTones(
        _ answer: WaveSound, like sound: WaveSound, below hertzMax: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for hertz in Self.toneHertz where hertz < hertzMax {
            let before = Comparison.tone(hertz, in: sound.samples, rate: sound.sampleRate)
            // The same stretch of time, whatever the rate.
            let after = Comparison.tone(hertz, in: answer.samples, rate: answer.sampleRate)
            let decibels = 20 * log10(after.amplitude / before.amplitude)
            #expect(abs(decibels) < 0.1, "\(hertz) Hz: \(decibels) dB", sourceLocation: sourceLocation)
            guard answer.sampleRate == sound.sampleRate else { continue }
            let turn = (after.phase - before.phase + 3 * .pi).truncatingRemainder(dividingBy: 2 * .pi) - .pi
            let samples = turn / (2 * .pi) / hertz * Double(sound.sampleRate)
            #expect(abs(samples) < 0.6, "\(hertz) Hz: off by \(samples) samples", sourceLocation: sourceLocation)
        }
    }

    private static let toneHertz: [Double] = [151, 997, 2_503, 3_301, 4_999, 6_899]

    @Test(arguments: [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000])
    func everyRateKeepsLengthLevelAndPlace(_ rate: Int) async throws {
        let folder = try Scratch()
        let hertzMax = min(7_000, 0.45 * Double(rate))
        let tones = Self.toneHertz.filter { $0 < hertzMax }
        let sound = WaveSound(sampleRate: rate, samples: Comparison.tones(tones, rate: rate, seconds: 1.3))
        let input = try sound.write(to: folder("in.wav"))
        let result = try await convert([input, "-o", folder("out.wav")])
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.sampleRate == rate)
        #expect(answer.frames == sound.frames)
        expectTones(answer, like: sound, below: hertzMax)
    }

    @Test func speechStaysWhereItWas() async throws {
        let folder = try Scratch()
        for (fixture, seconds) in [("speech-male.wav", 5.0), ("speech-female.wav", 5.5)] {
            let sound = try WaveSound.speech(fixture, seconds: seconds)
            let input = try sound.write(to: folder(fixture))
            let result = try await convert([input, "-o", folder("out.wav"), "--force"])
            #expect(result.status == 0, "\(result.errors)")
            let answer = try WaveSound(file: folder("out.wav"))
            #expect(answer.frames == sound.frames)
            #expect(abs(Comparison.lag(of: answer.samples, behind: sound.samples, within: 300)) <= 1)
        }
    }

    /// Encodings that sox writes: name, options.
    static let soxEncodings: [(String, [String])] = [
        ("s24.wav", ["-b", "24"]), ("s32.wav", ["-b", "32"]), ("f32.wav", ["-e", "floating-point", "-b", "32"]),
        ("f64.wav", ["-e", "floating-point", "-b", "64"]), ("u8.wav", ["-b", "8"]), ("ulaw.wav", ["-e", "u-law"]),
        ("a.aiff", []), ("a.aifc", []), ("a.au", []), ("a.flac", []),
        ("a.ogg", ["-C", "8"]), ("a.w64", []), ("a.caf", []),
    ]

    @Test(arguments: soxEncodings.indices) func everyEncodingIsRead(_ index: Int) async throws {
        let (name, options) = Self.soxEncodings[index]
        let folder = try Scratch()
        let sound = try WaveSound.speech(seconds: 1.5)
        let plain = try sound.write(to: folder("plain.wav"))
        try await Command.tool(["sox", "-D", plain] + options + [folder(name)])
        try await expectReadable(folder(name), like: sound, in: folder, lagMax: 1)
    }

    /// And those that libsndfile's own tool writes.
    @Test(arguments: ["a.rf64", "b.flac", "a.opus", "a.mp3", "b.ogg"])
    func everyEncodingOfLibsndfileIsRead(_ name: String) async throws {
        let folder = try Scratch()
        let sound = try WaveSound.speech(seconds: 1.5)
        let plain = try sound.write(to: folder("plain.wav"))
        try await Command.tool(["sndfile-convert", plain, folder(name)])
        // An MP3 begins with its encoder's delay (LAME: 1105 samples at the least) unless the reader takes it out.
        try await expectReadable(folder(name), like: sound, in: folder, lagMax: name == "a.mp3" ? 2_400 : 1)
    }

    private func expectReadable(
        _ input: String, like sound: WaveSound, in folder: Scratch, lagMax: Int
    ) async throws {
        let result = try await convert([input, "-o", folder("out.wav")])
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.sampleRate == sound.sampleRate)
        #expect(abs(answer.frames - sound.frames) <= 2 * lagMax, "\(answer.frames) frames")
        let lag = Comparison.lag(of: answer.samples, behind: sound.samples, within: max(200, lagMax))
        #expect(abs(lag) <= lagMax, "off by \(lag) samples")
    }

    /// The stated rule: the average of the channels.
    @Test func stereoBecomesTheAverage() async throws {
        let folder = try Scratch()
        let rate = 44_100
        let left = Comparison.tones([997], rate: rate, seconds: 1, amplitude: 0.4)
        let right = Comparison.tones([2_503], rate: rate, seconds: 1, amplitude: 0.2)
        let sound = WaveSound(sampleRate: rate, channels: 2, samples: zip(left, right).flatMap { [$0, $1] })
        let result = try await convert([try sound.write(to: folder("in.wav")), "-o", folder("out.wav")])
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.channels == 1)
        #expect(answer.frames == rate)
        #expect(abs(Comparison.tone(997, in: answer.samples, rate: rate).amplitude - 0.2) < 0.002)
        #expect(abs(Comparison.tone(2_503, in: answer.samples, rate: rate).amplitude - 0.1) < 0.001)
    }

    @Test(arguments: [0.0001, 0.02, 0.1]) func aVeryShortSound(_ seconds: Double) async throws {
        let folder = try Scratch()
        for rate in [8_000, 48_000] {
            let frames = max(1, Int(seconds * Double(rate)))
            let samples = Array(Comparison.tones([440], rate: rate, seconds: 1).prefix(frames))
            let input = try WaveSound(sampleRate: rate, samples: samples).write(to: folder("in.wav"))
            for voice in ["none", "rachel"] {
                let result = try await Command.quotaVoice(
                    ["convert", "--local", "--voice", voice, input, "-o", folder("out.wav"), "--force"])
                #expect(result.status == 0, "\(result.errors)")
                #expect(try WaveSound(file: folder("out.wav")).frames == frames)
            }
        }
    }

    @Test func aWAVWrittenToAPipeHasNoLength() async throws {
        let folder = try Scratch()
        let sound = try WaveSound.speech(seconds: 1)
        for claimed in [UInt32(0xFFFF_FFFF), 0x7FFF_F000] {
            var data = sound.data
            data.replaceSubrange(40..<44, with: withUnsafeBytes(of: claimed.littleEndian) { Data($0) })
            let input = try folder.write("in.wav", data)
            let result = try await convert([input, "-o", folder("out.wav"), "--force"])
            #expect(result.status == 0, "\(claimed): \(result.errors)")
            #expect(try WaveSound(file: folder("out.wav")).frames == sound.frames, "\(claimed)")
        }
    }

    @Test func standardInputMayBeAFileOrAPipe() async throws {
        let folder = try Scratch()
        let sound = try WaveSound.speech(seconds: 1)
        let input = try sound.write(to: folder("in.wav"))
        let fromFile = try await convert(["-", "-o", folder("file.wav")], input: input)
        #expect(fromFile.status == 0, "\(fromFile.errors)")
        let fromPipe = try await Command.run(
            "/bin/sh",
            ["-c", "cat in.wav | \"$0\" convert - --local --voice none", Checkout.binary], folder: folder.path)
        #expect(fromPipe.status == 0, "\(fromPipe.errors)")
        #expect(folder.files == ["file.wav", "in.wav", "stdin.none.wav"])
        #expect(try folder.read("file.wav").count == folder.read("stdin.none.wav").count)
        #expect(try WaveSound(file: folder("file.wav")).frames == sound.frames)
    }

    @Test func rateAndFormatAreChosen() async throws {
        let folder = try Scratch()
        let rate = 48_000
        let tones = Self.toneHertz.filter { $0 < 7_000 }
        let sound = WaveSound(sampleRate: rate, samples: Comparison.tones(tones, rate: rate, seconds: 1))
        let input = try sound.write(to: folder("in.wav"))
        let result = try await convert([input, "-o", folder("16k.wav"), "--rate", "16000", "--format", "wav-float"])
        #expect(result.status == 0, "\(result.errors)")
        let answer = try WaveSound(file: folder("16k.wav"))
        #expect(answer.sampleRate == 16_000)
        #expect(answer.frames == 16_000)
        #expect(answer.bitsPerSample == 32)
        expectTones(answer, like: sound, below: 7_000)
        let wide = try await convert([input, "-o", folder("24.wav"), "--format", "wav24"])
        #expect(wide.status == 0, "\(wide.errors)")
        #expect(try WaveSound(file: folder("24.wav")).bitsPerSample == 24)
    }

    /// A recording in floats may be louder than full scale; what 16 bits can't hold of it is counted and told.
    @Test func whatIsCutOffAtFullScaleIsTold() async throws {
        let folder = try Scratch()
        let rate = 48_000
        try WaveSound(sampleRate: rate, samples: Comparison.tones([997], rate: rate, seconds: 1))
            .write(to: folder("tone.wav"))
        let loud = folder("loud.wav")
        let amplify = ["-v", "error", "-i", folder("tone.wav"), "-af", "volume=30dB", "-c:a", "pcm_f32le", loud]
        try await Command.tool(["ffmpeg"] + amplify)
        let over = try WaveSound(file: loud).samples.count { abs($0) > 1 }
        #expect(over > rate / 2)
        let told = try await convert([loud, "-o", folder("cut.wav")])
        let match = try #require(told.errors.firstMatch(of: /samples cut off at full scale: (\d+); --format wav-float/))
        // The beginning and the end of a tone ring a little in the filters.
        #expect(abs((Int(match.output.1) ?? 0) - over) < rate / 100, "\(told.errors)")
        let counted = try await convert([loud, "-o", folder("json.wav"), "--json"])
        #expect(counted.output.contains("\"clipped_samples\":\(match.output.1),"), "\(counted.output)")
        let kept = try await convert([loud, "-o", folder("kept.wav"), "--format", "wav-float"])
        #expect(!kept.errors.contains("cut off"), "\(kept.errors)")
        let peak = try WaveSound(file: folder("kept.wav")).samples.map(abs).max() ?? 0
        #expect(peak > 1.5, "\(peak)")
    }

    /// By the ending of -o, or by --format for a folder; sox and libsndfile's tool say what came out.
    @Test(arguments: ["flac", "ogg", "opus", "aiff"]) func everyFormatIsWritten(_ format: String) async throws {
        let folder = try Scratch()
        let sound = try WaveSound.speech(seconds: 1.2)
        let input = try sound.write(to: folder("in.wav"))
        let byEnding = try await convert([input, "-o", folder("out.\(format)")])
        #expect(byEnding.status == 0, "\(byEnding.errors)")
        let byName = try await convert([input, "-o", folder("made/"), "--format", format])
        #expect(byName.status == 0, "\(byName.errors)")
        #expect(folder.exists("made/in.none.\(format)"))
        try await Command.tool(["sndfile-convert", "-pcm16", folder("out.\(format)"), folder("back.wav")])
        let back = try WaveSound(file: folder("back.wav"))
        #expect(back.sampleRate == 48_000)
        #expect(abs(back.frames - sound.frames) <= 1)
        #expect(abs(Comparison.lag(of: back.samples, behind: sound.samples, within: 300)) <= 1)
    }
}

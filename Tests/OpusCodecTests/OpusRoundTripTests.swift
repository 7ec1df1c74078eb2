import CAllocationCounter
import Foundation
import ProcessSupport
import Testing
import VoiceOpusCodec

/// Speech through encoder and decoder: how near it stays, how much later it comes, and that peers understand it.
@Suite struct OpusRoundTripTests {
    static let speech = Task { try WaveSound.speech("speech-female.wav", from: 0.5, seconds: 3).samples }

    static func settings(_ change: (inout OpusEncoderSettings) -> Void) -> OpusEncoderSettings {
        var settings = OpusEncoderSettings()
        change(&settings)
        return settings
    }

    /// Every setting that changes the delay or the mode.
    static let kinds: [OpusEncoderSettings] = OpusEncoderSettings.FrameLength.allCases.flatMap { length in
        [true, false].flatMap { isConstant in
            [false, true].map { isLowDelay in
                settings {
                    $0.frameLength = length
                    $0.isConstantBitrate = isConstant
                    $0.isLowDelay = isLowDelay
                    // CELT alone needs more for the same speech.
                    $0.bitsPerSecond = isLowDelay || length.samples < 160 ? 64_000 : 24_000
                }
            }
        }
    }

    @Test(arguments: kinds) func speechStaysItselfAndIsLateAsStated(_ settings: OpusEncoderSettings) async throws {
        let speech = try await Self.speech.value
        let packets = try OpusStream.encode(speech, settings)
        let answer = try OpusStream.decode(packets)
        let encoder = try OpusSoundEncoder(settings)
        #expect(encoder.delaySamples > 0)
        // 6.5 ms, of which 4 are the speech half's (opus_encoder.c: Fs/400 and Fs/250).
        #expect(encoder.delaySamples == (settings.isLowDelay ? 40 : 104))
        #expect(OpusStream.lag(of: answer, behind: speech, within: 400) == encoder.delaySamples)
        // Spectra of speech and answer differ little where there is something to hear.
        let distance = Spectrum.distance(
            Array(answer.dropFirst(encoder.delaySamples)), speech, bands: 200...3_600)
        #expect(distance < 4, "\(distance) dB")
        if settings.isConstantBitrate {
            #expect(Set(packets.map(\.count)) == [settings.constantPacketBytes])
        } else {
            let bits = packets.reduce(0) { $0 + $1.count * 8 }
            let seconds = Double(packets.count * settings.frameLength.samples) / 16_000
            #expect(Double(bits) / seconds < 1.3 * Double(settings.bitsPerSecond))
            #expect(Set(packets.map(\.count)).count > 3)
        }
    }

    @Test func moreBitsAreNearer() async throws {
        let speech = try await Self.speech.value
        let ratios = try [12_000, 24_000, 64_000].map { rate in
            let answer = try OpusStream.decode(OpusStream.encode(speech, Self.settings { $0.bitsPerSecond = rate }))
            return Spectrum.signalToNoise(Array(answer.dropFirst(104)), speech)
        }
        #expect(ratios[0] > 3, "\(ratios) dB")
        #expect(ratios[1] > ratios[0] + 1, "\(ratios) dB")
        #expect(ratios[2] > ratios[1] + 0.5, "\(ratios) dB")
    }

    /// opusdec and ffmpeg decode what we encode as we do ourselves.
    @Test(arguments: ["opusdec", "ffmpeg"]) func peersHearTheSame(_ peer: String) async throws {
        let folder = try Scratch()
        let speech = try await Self.speech.value
        let packets = try OpusStream.encode(speech, OpusEncoderSettings())
        try folder.write("speech.opus", OggOpus.file(packets, preSkip: 3 * 104, packetSamples: 3 * 320))
        if peer == "opusdec" {
            try await Command.tool(
                ["opusdec", "--quiet", "--rate", "16000", "--no-dither", folder("speech.opus"), folder("out.wav")])
        } else {
            try await Command.tool([
                "ffmpeg", "-v", "error", "-c:a", "libopus", "-i", folder("speech.opus"), "-ar", "16000", "-c:a",
                "pcm_s16le", folder("out.wav"),
            ])
        }
        let answer = try WaveSound(file: folder("out.wav"))
        #expect(answer.sampleRate == 16_000)
        let ours = Array(try OpusStream.decode(packets).dropFirst(104))
        let theirs = answer.samples
        #expect(abs(theirs.count - ours.count) < 320)
        let lag = OpusStream.lag(of: theirs, behind: ours, within: 100)
        #expect(abs(lag) <= 1)
        // They decode at 48 kHz and resample, hence not bit by bit.
        let distance = Spectrum.distance(theirs, ours, bands: 200...3_600)
        #expect(distance < 1, "\(distance) dB")
    }

    /// And we decode what opusenc encoded.
    @Test func weHearWhatPeersSay() async throws {
        let folder = try Scratch()
        let speech = try await Self.speech.value
        try WaveSound(sampleRate: 16_000, samples: speech).write(to: folder("in.wav"))
        try await Command.tool([
            "opusenc", "--quiet", "--bitrate", "32", "--framesize", "20", folder("in.wav"), folder("in.opus"),
        ])
        let packets = try OggOpus.packets(folder.read("in.opus"))
        let answer = try OpusStream.decode(packets)
        let lag = OpusStream.lag(of: answer, behind: speech, within: 400)
        #expect((80...120).contains(lag))
        let distance = Spectrum.distance(Array(answer.dropFirst(lag)), speech, bands: 200...3_600)
        #expect(distance < 4, "\(distance) dB")
    }

    @Test func theSameSoundGivesTheSameBytes() async throws {
        let speech = try await Self.speech.value
        let first = try OpusStream.encode(speech, OpusEncoderSettings())
        #expect(try OpusStream.encode(speech, OpusEncoderSettings()) == first)
        #expect(try OpusStream.decode(first) == OpusStream.decode(first))
        // And after a reset.
        let encoder = try OpusSoundEncoder()
        _ = try OpusStream.encode(speech, with: encoder)
        encoder.reset()
        #expect(try OpusStream.encode(speech, with: encoder) == first)
    }

    @Test(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"), arguments: kinds)
    func nothingIsAllocatedOnTheWay(_ settings: OpusEncoderSettings) async throws {
        let speech = try await Self.speech.value
        let encoder = try OpusSoundEncoder(settings)
        let decoder = try OpusSoundDecoder()
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: encoder.packetBytesMax, alignment: 1)
        let samples = UnsafeMutableBufferPointer<Float>.allocate(capacity: 1_920)
        defer {
            bytes.deallocate()
            samples.deallocate()
        }
        samples.initialize(repeating: 0)
        var decoded = 0
        let counts = speech.withUnsafeBufferPointer { speech in
            cac_arm()
            for start in stride(from: 0, to: 16_000, by: encoder.packetSamples) {
                let frame = UnsafeBufferPointer(rebasing: speech[start..<start + encoder.packetSamples])
                let count = encoder.encode(frame, into: bytes)
                decoded += decoder.decode(UnsafeRawBufferPointer(rebasing: bytes[..<count]), into: samples) ?? 0
                if start % 3_200 == 0 { _ = decoder.conceal(into: samples) }
            }
            return cac_disarm()
        }
        #expect(decoded == 16_000)
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
    }
}

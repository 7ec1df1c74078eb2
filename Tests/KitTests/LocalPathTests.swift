import CAllocationCounter
import Foundation
import Testing
import VoiceConversion
import VoiceLocalPath
import VoiceSignal

/// The way through the converter of this process: aligned, as long, and as wide as its ends.
@Suite struct LocalPathTests {
    private static let rates = [
        8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000,
    ]

    private func voice(_ name: String) throws -> Voice {
        try #require(VoiceCatalog.voice(named: name))
    }

    private func converted(
        _ sound: [Float], from rate: Int, to sinkRate: Int, voice name: String = "none", block: Int = 4096
    ) throws -> [Float] {
        var path = try LocalPath(
            sourceRate: rate, sinkRate: sinkRate, frames: sound.count, voice: try voice(name))
        var result: [Float] = []
        for start in stride(from: 0, to: sound.count, by: block) {
            sound[start..<min(start + block, sound.count)].withUnsafeBufferPointer { piece in
                path.push(piece) { result.append(contentsOf: $0) }
            }
        }
        path.finish { result.append(contentsOf: $0) }
        return result
    }

    private func tone(_ hertz: Double, rate: Int, seconds: Double = 0.4) -> [Float] {
        (0..<Int(seconds * Double(rate))).map { Float(0.3 * sin(2 * .pi * hertz * Double($0) / Double(rate))) }
    }

    @Test(arguments: rates) func comesBackAlignedAndAsLong(rate: Int) throws {
        let count = rate * 3 / 10 + 7
        let sound = (0..<count).map { frame -> Float in
            let seconds = Float(frame) / Float(rate)
            let swell = 0.5 - 0.5 * cos(2 * .pi * Float(frame) / Float(count))
            return 0.3 * swell * (cos(2 * .pi * 440 * seconds) + cos(2 * .pi * 1_700 * seconds))
        }
        let result = try converted(sound, from: rate, to: rate)
        #expect(result.count == sound.count)
        let error = zip(sound, result).map { abs($0 - $1) }.max() ?? 0
        #expect(error < 0.0005, "largest difference \(error)")
    }

    /// At the converter's own rates the voice that changes nothing changes not one bit.
    @Test(arguments: [16_000, 32_000, 48_000, 96_000]) func noneIsExact(rate: Int) throws {
        let sound = (0..<rate / 3).map { Float(($0 &* 7_919) % 2_003) / 2_100 - 0.47 }
        let same = try converted(sound, from: rate, to: rate) == sound
        #expect(same)
    }

    @Test(arguments: [32_000, 44_100, 48_000, 88_200, 96_000, 192_000])
    func theBandAboveEightKilohertzIsKept(rate: Int) throws {
        for hertz in [9_000.0, 12_500] {
            let sound = tone(hertz, rate: rate)
            let result = try converted(sound, from: rate, to: rate, voice: "rachel")
            let middle = rate / 10..<3 * rate / 10
            func level(_ samples: [Float]) -> Float { samples[middle].reduce(0) { $0 + $1 * $1 } }
            let decibels = 10 * log10(level(result) / level(sound))
            #expect(abs(decibels) < 0.5, "\(hertz) Hz: \(decibels) dB")
        }
    }

    @Test(arguments: [
        (8_000, 8_000, 16_000), (16_000, 48_000, 16_000), (48_000, 16_000, 16_000), (22_050, 22_050, 32_000),
        (44_100, 44_100, 48_000), (44_100, 32_000, 32_000), (88_200, 88_200, 96_000), (192_000, 192_000, 96_000),
    ])
    func theWorkingRateLosesNothing(source: Int, sink: Int, rate: Int) throws {
        #expect(LocalPath.workingRate(source: source, sink: sink) == rate)
        let result = try converted(tone(440, rate: source), from: source, to: sink)
        #expect(result.count == Resampler.outputFrames(forInput: Int(0.4 * Double(source)), from: source, to: sink))
    }

    @Test(arguments: [1, 333, 9_000]) func theBlocksChangeNothing(block: Int) throws {
        let sound = tone(180, rate: 44_100)
        let whole = try converted(sound, from: 44_100, to: 44_100, voice: "bella")
        let same = try converted(sound, from: 44_100, to: 44_100, voice: "bella", block: block) == whole
        #expect(same)
    }

    @Test func oneFrameIsEnough() throws {
        #expect(try converted([0.5], from: 44_100, to: 44_100, voice: "rachel").count == 1)
        #expect(try converted([], from: 44_100, to: 44_100, voice: "rachel").isEmpty)
    }

    @Test(arguments: [0, 3_999, 384_001]) func otherRatesAreRefused(rate: Int) throws {
        let voice = try voice("rachel")
        #expect(throws: ResamplerError.rateOutOfRange(rate)) {
            _ = try LocalPath(sourceRate: rate, sinkRate: 48_000, frames: 10, voice: voice).framesLeft
        }
    }

    @Test(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"), arguments: [16_000, 44_100, 48_000])
    func aBlockAllocatesNothing(rate: Int) throws {
        var path = try LocalPath(sourceRate: rate, sinkRate: rate, frames: 10 * rate, voice: try voice("rachel"))
        let sound = tone(150, rate: rate, seconds: 0.1)
        var frames = 0
        let counts = sound.withUnsafeBufferPointer { sound in
            path.push(sound) { frames += $0.count }
            cac_arm()
            for _ in 0..<20 { path.push(sound) { frames += $0.count } }
            return cac_disarm()
        }
        #expect(frames > rate)
        #expect(counts.allocations == 0)
    }
}

import Foundation
import Testing
import VoiceDownlink
import VoiceRelay
import VoiceSignal
import VoiceUplink

/// Uplink and downlink back to back, without a network: what goes in comes out, aligned and as long.
@Suite struct FilePathTests {
    private static let rates = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000]

    /// Plays `sound` through both, by way of a converter that only delays.
    private func roundTrip(_ sound: [Float], rate: Int, delaySamples: Int, frameBytes: Int) throws -> [Float] {
        var uplink = try Uplink(sourceRate: rate, frames: sound.count, profile: .archive, packet: .milliseconds20)
        var wire = [UInt8](repeating: 0, count: 2 * delaySamples)
        let source = sound + [Float](repeating: 0, count: rate)
        var start = 0
        while !uplink.isFinished {
            let taken = source[min(start, source.count)...].withUnsafeBufferPointer { uplink.push($0) }
            start += taken
            if uplink.hasPacket { uplink.takePacket { wire.append(contentsOf: $0) } }
        }
        var downlink = try Downlink(
            sinkRate: rate, frames: sound.count, delaySamples: delaySamples, profile: .archive)
        var result: [Float] = []
        for offset in stride(from: 0, to: wire.count, by: frameBytes) {
            wire[offset..<min(offset + frameBytes, wire.count)].withUnsafeBytes { frame in
                downlink.push(frame) { result.append(contentsOf: $0) }
            }
        }
        downlink.finish { result.append(contentsOf: $0) }
        return result
    }

    @Test(arguments: rates, [0, 240])
    func comesBackAlignedAndAsLong(rate: Int, delaySamples: Int) throws {
        // Two tones below every lower Nyquist frequency, swelling and fading, so that a shift shows.
        let count = rate * 3 / 10 + 7
        let sound = (0..<count).map { frame -> Float in
            let seconds = Float(frame) / Float(rate)
            let swell = 0.5 - 0.5 * cos(2 * .pi * Float(frame) / Float(count))
            return 0.3 * swell * (cos(2 * .pi * 440 * seconds) + cos(2 * .pi * 1_700 * seconds))
        }
        let result = try roundTrip(sound, rate: rate, delaySamples: delaySamples, frameBytes: 640)
        #expect(result.count == sound.count)
        var error: Float = 0
        for (before, after) in zip(sound, result) { error = max(error, abs(before - after)) }
        // Two steps of 16 bit with dither, and the filters' ripple.
        #expect(error < 0.001, "largest difference \(error)")
    }

    @Test(arguments: [2, 14, 640, 65_536])
    func theSizeOfTheRelaysFramesChangesNothing(frameBytes: Int) throws {
        let sound = (0..<4_801).map { Float($0 % 37) / 40 - 0.4 }
        let whole = try roundTrip(sound, rate: 48_000, delaySamples: 240, frameBytes: 640)
        let split = try roundTrip(sound, rate: 48_000, delaySamples: 240, frameBytes: frameBytes)
        #expect(whole == split)
    }

    @Test func oneFrameIsEnough() throws {
        #expect(try roundTrip([0.5], rate: 44_100, delaySamples: 240, frameBytes: 640).count == 1)
    }

    @Test func silenceStaysDigitalSilence() throws {
        let silence = [Float](repeating: 0, count: 5_000)
        #expect(try roundTrip(silence, rate: 44_100, delaySamples: 240, frameBytes: 640).allSatisfy { $0 == 0 })
    }

    @Test func anAnswerThatIsTooShortIsFilledWithSilence() throws {
        var downlink = try Downlink(sinkRate: 48_000, frames: 1_000, delaySamples: 0, profile: .archive)
        var count = 0
        downlink.finish { count += $0.count }
        #expect(count == 1_000)
        #expect(downlink.framesLeft == 0)
    }
}

import CAllocationCounter
import Foundation
import Testing
import VoiceDownlink
import VoiceOpusCodec
import VoiceRelay
import VoiceSignal
import VoiceUplink

/// Uplink and downlink back to back over Opus, without a network.
@Suite struct PacketPathTests {
    private func sound(rate: Int, count: Int) -> [Float] {
        (0..<count).map { frame -> Float in
            let seconds = Float(frame) / Float(rate)
            let swell = 0.5 - 0.5 * cos(2 * .pi * Float(frame) / Float(count))
            return 0.3 * swell * (cos(2 * .pi * 440 * seconds) + cos(2 * .pi * 1_100 * seconds))
        }
    }

    /// Plays `sound` through both and says how many packets it took.
    private func roundTrip(_ sound: [Float], rate: Int) throws -> (result: [Float], samples: [Int]) {
        let encoder = try OpusSoundEncoder()
        var uplink = try Uplink(sourceRate: rate, frames: sound.count, profile: .archive, encoder: encoder)
        #expect(uplink.delaySamples == 104)
        var downlink = try Downlink(
            sinkRate: rate, frames: sound.count, delaySamples: uplink.delaySamples, profile: .archive,
            decoder: OpusSoundDecoder())
        let source = sound + [Float](repeating: 0, count: rate)
        var start = 0
        var result: [Float] = []
        var samples: [Int] = []
        while !uplink.isFinished {
            start += source[min(start, source.count)...].withUnsafeBufferPointer { uplink.push($0) }
            guard uplink.hasPacket else { continue }
            samples.append(uplink.packetSamples)
            uplink.takePacket { packet in downlink.push(packet) { result.append(contentsOf: $0) } }
        }
        downlink.finish { result.append(contentsOf: $0) }
        return (result, samples)
    }

    @Test(arguments: [8_000, 16_000, 44_100, 48_000, 96_000], [1, 320, 9_999])
    func comesBackAlignedAndAsLong(rate: Int, samples: Int) throws {
        let sound = sound(rate: rate, count: max(1, samples * rate / 16_000))
        let (result, packets) = try roundTrip(sound, rate: rate)
        #expect(result.count == sound.count)
        let length = Resampler.outputFrames(forInput: sound.count, from: rate, to: 16_000)
        #expect(packets == [Int](repeating: 320, count: (length + 104 + 319) / 320))
        guard samples > 1_000 else { return }
        // In a tone of 440 Hz a shift of one sample at 16 kHz is an error of 17 % of its amplitude.
        let noise = zip(result, sound).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let share = noise / sound.reduce(0) { $0 + $1 * $1 }
        #expect(share < 0.05, "\(share)")
    }

    @Test func noSoundNeedsNoPacket() throws {
        let uplink = try Uplink(sourceRate: 16_000, frames: 0, profile: .archive, encoder: OpusSoundEncoder())
        let isFinished = uplink.isFinished
        #expect(isFinished)
    }

    @Test func paddingIsWholePackets() throws {
        for wire in RelayWire.allCases {
            var uplink =
                wire == .opus
                ? try Uplink(sourceRate: 16_000, frames: 0, profile: .archive, encoder: OpusSoundEncoder())
                : try Uplink(sourceRate: 16_000, frames: 0, profile: .archive, packet: .milliseconds20)
            for _ in 0..<3 {
                uplink.padWithSilence()
                #expect(uplink.packetSamples == 320)
                uplink.takePacket { packet in #expect(packet.count == wire.packetBytesMax) }
            }
        }
    }

    @Test func clippingIsCountedOnBothWires() throws {
        for encoder in [nil, try OpusSoundEncoder()] {
            var packer = encoder.map { PacketPacker(encoder: $0) } ?? PacketPacker(.milliseconds20)
            let loud: [Float] = [0.5, 1.5, -2, 0.99]
            _ = loud.withUnsafeBufferPointer { packer.fill(from: $0) }
            #expect(packer.clipped == 2)
        }
    }

    /// A gap, and a packet whose inside is nonsense, take as long as what they stand for.
    @Test func gapsKeepTheirLength() throws {
        var unpacker = PacketUnpacker(decoder: try OpusSoundDecoder())
        #expect(unpacker.conceal(640).count == 640)
        #expect(unpacker.conceal(777).count == 777)
        var plain = PacketUnpacker()
        #expect(plain.conceal(320).count == 320)
        let junk: [UInt8] = [0x4B, 0xFF]
        #expect(junk.withUnsafeBytes { unpacker.unpack($0).count } == 320)
    }

    @Test(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
    func nothingIsAllocatedOnTheWay() throws {
        var uplink = try Uplink(sourceRate: 48_000, frames: 480_000, profile: .archive, encoder: OpusSoundEncoder())
        var downlink = try Downlink(
            sinkRate: 48_000, frames: 480_000, delaySamples: 104, profile: .archive, decoder: OpusSoundDecoder())
        let tone = sound(rate: 48_000, count: 480)
        var frames = 0
        let counts = tone.withUnsafeBufferPointer { input in
            cac_arm()
            for _ in 0..<300 {
                var rest = input
                while !rest.isEmpty {
                    let taken = uplink.push(rest)
                    rest = UnsafeBufferPointer(rebasing: rest[taken...])
                    if uplink.hasPacket {
                        uplink.takePacket { packet in downlink.push(packet) { frames += $0.count } }
                    }
                }
            }
            return cac_disarm()
        }
        #expect(frames > 100_000)
        #expect(counts.allocations == 0)
    }
}

import CAllocationCounter
import Testing
import VoiceConversion
import VoiceDownlink
import VoiceRealtime
import VoiceRelay
import VoiceSignal
import VoiceUplink

/// What runs once a block allocates nothing: an hour needs no more memory than a second.
@Suite(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
struct BlockAllocationTests {
    private let tone = (0..<480).map { Float($0 % 96 - 48) / 100 }

    @Test(arguments: VoiceCatalog.all)
    func theConverterAllocatesNothing(voice: Voice) {
        var converter = VoiceConverter(voice: voice)
        var output = [Float](repeating: 0, count: tone.count)
        let counts = tone.withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                converter.process(input, into: output)
                cac_arm()
                for _ in 0..<300 { converter.process(input, into: output) }
                return cac_disarm()
            }
        }
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
    }

    @Test(arguments: [16_000, 48_000]) func theCleanUpAllocatesNothing(rate: Int) {
        let settings = CleanUpSettings(highPass: true, level: true, feedbackGuard: true)
        var cleanUp = CleanUp(rate: rate, settings: settings)
        // The tone stands still until the guard takes it for a howl: its way is walked too.
        var block = tone.map { 2 * $0 }
        let counts = block.withUnsafeMutableBufferPointer { block in
            cac_arm()
            for _ in 0..<300 { cleanUp.process(block) }
            return cac_disarm()
        }
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
    }

    @Test(arguments: [8_000, 16_000, 44_100, 48_000])
    func theUplinkAllocatesNothing(rate: Int) throws {
        var uplink = try Uplink(sourceRate: rate, frames: 300 * tone.count, profile: .archive, packet: .milliseconds20)
        var packets = 0
        let counts = tone.withUnsafeBufferPointer { input in
            cac_arm()
            for _ in 0..<300 {
                var rest = input
                while !rest.isEmpty {
                    let taken = uplink.push(rest)
                    rest = UnsafeBufferPointer(rebasing: rest[taken...])
                    if uplink.hasPacket { uplink.takePacket { bytes in packets += bytes.count > 0 ? 1 : 0 } }
                }
            }
            return cac_disarm()
        }
        #expect(packets > 100)
        #expect(counts.allocations == 0)
    }

    @Test(arguments: [8_000, 16_000, 44_100, 48_000])
    func theDownlinkAllocatesNothing(rate: Int) throws {
        var downlink = try Downlink(sinkRate: rate, frames: 10 * rate, delaySamples: 240, profile: .archive)
        let packet = [UInt8](repeating: 7, count: 640)
        var frames = 0
        let counts = packet.withUnsafeBytes { bytes in
            cac_arm()
            for _ in 0..<300 { downlink.push(bytes) { block in frames += block.count } }
            return cac_disarm()
        }
        #expect(frames > 5 * rate)
        #expect(counts.allocations == 0)
    }

    @Test func theRateCeilingAllocatesNothing() {
        var ceiling = RateCeiling()
        var now = MonotonicTime(nanoseconds: 1)
        cac_arm()
        for _ in 0..<5_000 {
            now = ceiling.earliestDeparture(of: 640, now: now) ?? now
            ceiling.depart(640, now: now)
        }
        let counts = cac_disarm()
        #expect(counts.allocations == 0)
    }
}

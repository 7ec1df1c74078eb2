import CAllocationCounter
import ProcessSupport
import Testing
import VoiceALSADevice
import VoiceRealtime

/// What the compiler checks in the workers and believes of alsa-lib, counted: once sound runs, nothing is allocated.
@Suite(.boundedCrowd, .enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
struct AudioThreadTests {
    @Test(arguments: DeviceDirection.allCases, ["rw", "mmap"])
    func runsWithoutTheHeap(direction: DeviceDirection, access: String) async throws {
        let card = try await TestCard(["card": "accesses \"\(access)\""])
        let counts = try AudioLoop.run(direction, options: card.options(), frames: 24_000) {
            cac_arm()
        } after: {
            cac_disarm()
        }
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
    }

    @Test func recoversWithoutTheHeap() async throws {
        let card = try await TestCard()
        try card.fault("xrun")
        let counts = try AudioLoop.run(.capture, options: card.options(), frames: 9_600) {
            cac_arm()
        } after: {
            cac_disarm()
        }
        #expect(!card.has("xrun"))
        #expect(counts.allocations == 0)
    }
}

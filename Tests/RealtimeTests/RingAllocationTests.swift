import CAllocationCounter
import Testing
import VoiceRealtime

/// The ring calls the heap twice in its life: once when it is made and once when the second end goes.
@Suite(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
struct RingAllocationTests {
    private func drop(_ end: consuming RingProducer<Float>) {}
    private func drop(_ end: consuming RingConsumer<Float>) {}

    @Test func moving_samples_allocates_nothing() {
        let ends = makeRing(of: Float.self, capacityMin: 1_000)
        var producer = ends.producer
        var consumer = ends.consumer
        var block = [Float](repeating: 0.5, count: 480)
        var moved = 0
        block.withUnsafeMutableBufferPointer { buffer in
            cac_arm()
            for _ in 0..<1_000 {
                moved += producer.writeSamples(UnsafeBufferPointer(buffer))
                _ = producer.write(1)
                moved += consumer.readSamples(into: buffer)
                _ = consumer.readElement()
                _ = producer.writableSamples() + consumer.readableSamples() + consumer.discardSamples(1)
            }
        }
        let counts = cac_disarm()
        #expect(moved == 2 * 480 * 1_000)
        #expect(counts.allocations == 0)
        #expect(counts.frees == 0)
    }

    @Test func the_second_end_to_go_frees() {
        // The first ring of a type makes the runtime look up that type once, on the heap.
        for consumerFirst in [false, true] { _ = lifetimeCounts(consumerFirst: consumerFirst) }
        for consumerFirst in [false, true] {
            let counts = lifetimeCounts(consumerFirst: consumerFirst)
            #expect(counts.made.allocations == 1 && counts.made.frees == 0)
            #expect(counts.first.allocations == 0 && counts.first.frees == 0)
            #expect(counts.second.allocations == 0 && counts.second.frees == 1)
        }
    }

    /// Heap calls of making a ring, of dropping one end and of dropping the other. Apart from the expectations, whose
    /// own memory may be freed later than their line.
    @inline(never)
    private func lifetimeCounts(
        consumerFirst: Bool
    ) -> (made: cac_counts, first: cac_counts, second: cac_counts) {
        cac_arm()
        let ends = makeRing(of: Float.self, capacityMin: 1_000)
        let made = cac_disarm()
        let producer = ends.producer
        let consumer = ends.consumer
        let first: cac_counts
        cac_arm()
        if consumerFirst {
            drop(consumer)
            first = cac_disarm()
            cac_arm()
            drop(producer)
        } else {
            drop(producer)
            first = cac_disarm()
            cac_arm()
            drop(consumer)
        }
        return (made, first, cac_disarm())
    }
}

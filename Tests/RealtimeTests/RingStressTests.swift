import Foundation
import Synchronization
import Testing
import VoiceRealtime

/// A ring with both ends in one object: what the stress test drives, from one thread per end.
private protocol StressedRing: AnyObject, Sendable {
    func write(_ values: UnsafeBufferPointer<UInt32>) -> Int
    func read(into values: UnsafeMutableBufferPointer<UInt32>) -> Int
}

private final class RealRing: StressedRing, @unchecked Sendable {
    var producer: RingProducer<UInt32>
    var consumer: RingConsumer<UInt32>

    init(capacity: Int) {
        let ends = makeRing(of: UInt32.self, capacityMin: capacity)
        producer = ends.producer
        consumer = ends.consumer
    }

    func write(_ values: UnsafeBufferPointer<UInt32>) -> Int { producer.write(values) }
    func read(into values: UnsafeMutableBufferPointer<UInt32>) -> Int { consumer.read(into: values) }
}

/// The mistakes a ring can make, planted to see that the stress test notices.
private final class BrokenRing: StressedRing, @unchecked Sendable {
    enum Mistake: CaseIterable {
        /// The producer publishes elements before they lie in their slots.
        case publishesEarly
        /// The consumer gives slots back before it has copied them.
        case releasesEarly
    }

    private let mistake: Mistake
    private let capacity: Int
    private let slots: UnsafeMutablePointer<UInt32>
    private let written = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)

    init(_ mistake: Mistake, capacity: Int) {
        self.mistake = mistake
        self.capacity = capacity
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
    }

    deinit {
        slots.deallocate()
    }

    func write(_ values: UnsafeBufferPointer<UInt32>) -> Int {
        let start = written.load(ordering: .relaxed)
        let count = min(values.count, capacity - (start - taken.load(ordering: .acquiring)))
        if mistake == .publishesEarly {
            written.store(start + count, ordering: .releasing)
            sched_yield()
        }
        for index in 0..<count { slots[(start + index) % capacity] = values[index] }
        written.store(start + count, ordering: .releasing)
        return count
    }

    func read(into values: UnsafeMutableBufferPointer<UInt32>) -> Int {
        let start = taken.load(ordering: .relaxed)
        let count = min(values.count, written.load(ordering: .acquiring) - start)
        if mistake == .releasesEarly {
            taken.store(start + count, ordering: .releasing)
            sched_yield()
        }
        for index in 0..<count { values[index] = slots[(start + index) % capacity] }
        taken.store(start + count, ordering: .releasing)
        return count
    }
}

/// What the two threads of a stress run tell each other, beside the ring.
private final class StressState: Sendable {
    let isConsumerDone = Atomic<Bool>(false)
    let isProducerDone = Atomic<Bool>(false)
}

/// Sends the numbers 0..<total through a ring between two threads, in blocks of changing size, and returns how many
/// arrived out of order, stopping at the first block that has any.
private func wrongNumbers(through ring: some StressedRing, total: UInt32) -> Int {
    let state = StressState()
    Thread { [ring, state] in
        var next: UInt32 = 0
        var size = 1
        var block = [UInt32](repeating: 0, count: 500)
        while next < total, !state.isConsumerDone.load(ordering: .relaxed) {
            size = size * 31 % 499 + 1
            let count = min(size, Int(total - next))
            for index in 0..<count { block[index] = next + UInt32(index) }
            let written = block.withUnsafeBufferPointer { ring.write(.init(rebasing: $0[..<count])) }
            next += UInt32(written)
            if written < count { sched_yield() }
        }
        state.isProducerDone.store(true, ordering: .releasing)
    }.start()

    var expected: UInt32 = 0
    var wrong = 0
    var size = 1
    var block = [UInt32](repeating: 0, count: 500)
    while expected < total, wrong == 0 {
        size = size * 37 % 491 + 1
        let got = block.withUnsafeMutableBufferPointer { ring.read(into: .init(rebasing: $0[..<size])) }
        for value in block[..<got] {
            if value != expected { wrong += 1 }
            expected += 1
        }
        if got == 0 { sched_yield() }
    }
    state.isConsumerDone.store(true, ordering: .relaxed)
    while !state.isProducerDone.load(ordering: .acquiring) { sched_yield() }
    return wrong
}

@Suite struct RingStressTests {
    @Test(arguments: [1, 16, 1_024])
    func nothing_is_lost_torn_or_reordered_between_two_threads(capacity: Int) {
        let total: UInt32 = capacity == 1 ? 100_000 : 5_000_000
        #expect(wrongNumbers(through: RealRing(capacity: capacity), total: total) == 0)
    }

    @Test func the_stress_notices_a_broken_ring() {
        for mistake in BrokenRing.Mistake.allCases {
            #expect(wrongNumbers(through: BrokenRing(mistake, capacity: 64), total: 20_000_000) > 0)
        }
    }
}

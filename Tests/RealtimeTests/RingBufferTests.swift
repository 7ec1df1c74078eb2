import Testing
import VoiceRealtime

private func write(_ producer: inout RingProducer<Int32>, _ values: [Int32]) -> Int {
    values.withUnsafeBufferPointer { producer.write($0) }
}

private func read(_ consumer: inout RingConsumer<Int32>, _ count: Int) -> [Int32] {
    var values = [Int32](repeating: -1, count: count)
    let got = values.withUnsafeMutableBufferPointer { consumer.read(into: $0) }
    return Array(values[..<got])
}

/// Ends the life of a consumer.
private func drop(_ consumer: consuming RingConsumer<Float>) {}

@Suite struct RingBufferTests {
    @Test func capacity_is_the_next_power_of_two() {
        for (asked, given) in [(-5, 1), (0, 1), (1, 1), (2, 2), (3, 4), (1_000, 1_024), (1_024, 1_024)] {
            let ends = makeRing(of: UInt8.self, capacityMin: asked)
            #expect(ends.producer.capacity == given)
            #expect(ends.consumer.capacity == given)
        }
    }

    @Test func what_goes_in_comes_out_in_order_across_every_wrap() {
        // All block sizes against all positions in the ring, each compared with a plain array.
        for capacity in [1, 2, 8, 16] {
            let ends = makeRing(of: Int32.self, capacityMin: capacity)
            var producer = ends.producer
            var consumer = ends.consumer
            var model: [Int32] = []
            var next: Int32 = 0
            for step in 0..<2_000 {
                let offered = (step * 7) % (capacity + 3)
                let block = (0..<offered).map { next + Int32($0) }
                let written = write(&producer, block)
                #expect(written == min(offered, capacity - model.count))
                next += Int32(written)
                model += block[..<written]
                let ready = consumer.readableCount()
                #expect(ready == model.count)
                let room = producer.writableCount()
                #expect(room == capacity - model.count)
                let wanted = (step * 5) % (capacity + 2)
                let got = read(&consumer, wanted)
                #expect(got == Array(model.prefix(wanted)))
                model.removeFirst(got.count)
            }
        }
    }

    @Test func single_elements_and_blocks_mix() {
        let ends = makeRing(of: Int32.self, capacityMin: 4)
        var producer = ends.producer
        var consumer = ends.consumer
        for round in 0..<100 as Range<Int32> {
            for value in 0..<4 as Range<Int32> {
                let done = producer.write(round * 10 + value)
                #expect(done)
            }
            let refused = producer.write(99)
            #expect(!refused)
            let first = consumer.readElement()
            #expect(first == round * 10)
            let rest = read(&consumer, 9)
            #expect(rest == [1, 2, 3].map { round * 10 + $0 })
            let none = consumer.readElement()
            #expect(none == nil)
            // Moves the next round to another position.
            _ = producer.write(0)
            _ = consumer.readElement()
        }
    }

    @Test func the_oldest_are_discarded_first() {
        let ends = makeRing(of: Int32.self, capacityMin: 8)
        var producer = ends.producer
        var consumer = ends.consumer
        _ = write(&producer, [1, 2, 3, 4, 5])
        var dropped = consumer.discard(2)
        #expect(dropped == 2)
        let next = consumer.readElement()
        #expect(next == 3)
        dropped = consumer.discard(-1)
        #expect(dropped == 0)
        dropped = consumer.discard(100)
        #expect(dropped == 2)
        dropped = consumer.discard(1)
        #expect(dropped == 0)
        let written = write(&producer, Array(0..<10))
        #expect(written == 8)
    }

    @Test func empty_buffers_do_nothing() {
        let ends = makeRing(of: Int32.self, capacityMin: 8)
        var producer = ends.producer
        var consumer = ends.consumer
        let written = producer.write(.init(start: nil, count: 0))
        let got = consumer.read(into: .init(start: nil, count: 0))
        #expect(written == 0 && got == 0)
    }

    @Test func each_end_learns_that_the_other_is_gone() {
        do {
            let ends = makeRing(of: Float.self, capacityMin: 8)
            var consumer = ends.consumer
            do {
                var producer = ends.producer
                let written = producer.write(0.5)
                #expect(written)
                let goneBefore = consumer.isProducerGone
                #expect(!goneBefore)
            }
            let goneAfter = consumer.isProducerGone
            #expect(goneAfter)
            // What was written before stays readable: the storage lives as long as one end does.
            let value = consumer.readElement()
            #expect(value == 0.5)
        }
        let ends = makeRing(of: Float.self, capacityMin: 8)
        let producer = ends.producer
        let goneBefore = producer.isConsumerGone
        #expect(!goneBefore)
        drop(ends.consumer)
        let goneAfter = producer.isConsumerGone
        #expect(goneAfter)
    }

    @Test func wide_elements_are_kept_whole() {
        struct Event: BitwiseCopyable, Equatable {
            var time: UInt64
            var values: SIMD16<Float>
        }
        let ends = makeRing(of: Event.self, capacityMin: 3)
        var producer = ends.producer
        var consumer = ends.consumer
        for round in 0..<50 as Range<UInt64> {
            let event = Event(time: round, values: .init(repeating: Float(round)))
            let written = producer.write(event)
            #expect(written)
            let got = consumer.readElement()
            #expect(got == event)
        }
    }

    @Test func sample_entries_are_the_same_ring() {
        let ends = makeRing(of: Float.self, capacityMin: 16)
        var producer = ends.producer
        var consumer = ends.consumer
        let block: [Float] = (0..<20).map(Float.init)
        let written = block.withUnsafeBufferPointer { producer.writeSamples($0) }
        #expect(written == 16)
        let room = producer.writableSamples()
        #expect(room == 0)
        let dropped = consumer.discardSamples(3)
        #expect(dropped == 3)
        let ready = consumer.readableSamples()
        #expect(ready == 13)
        var output = [Float](repeating: -1, count: 20)
        let got = output.withUnsafeMutableBufferPointer { consumer.readSamples(into: $0) }
        #expect(got == 13)
        #expect(Array(output[..<13]) == Array(block[3..<16]))
    }
}

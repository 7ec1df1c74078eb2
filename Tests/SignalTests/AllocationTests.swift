import CAllocationCounter
import SignalMeasurement
import Testing
import VoiceSignal

/// Heap calls of this thread while `body` runs for the second time: at the first the runtime looks up types and the
/// loader symbols, on the heap, for the unoptimised test around the code in question.
private func heapCalls(_ body: () -> Void) -> (allocations: Int, frees: Int) {
    body()
    cac_arm()
    body()
    let counts = cac_disarm()
    return (counts.allocations, counts.frees)
}

/// What runs on audio threads calls the heap not once, counted: the compiler's promise, seen from outside.
@Suite(.enabled(if: cac_is_available(), "sanitizers bring their own malloc"))
struct AllocationTests {
    @Test func the_counter_counts() {
        var kept: UnsafeMutableRawPointer?
        let calls = heapCalls {
            for size in 1...3 { UnsafeMutableRawPointer.allocate(byteCount: size * 100, alignment: 8).deallocate() }
            UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 256).deallocate()
            kept?.deallocate()
            kept = .allocate(byteCount: 8, alignment: 8)
        }
        #expect(calls == (5, 5))
        #expect(kept != nil)
        kept?.deallocate()
        #expect(heapCalls {} == (0, 0))
    }

    @Test(
        arguments: [(48_000, 16_000), (16_000, 48_000), (44_100, 16_000), (16_000, 16_000), (44_101, 47_999)],
        Resampler.Profile.allCases)
    func resampling_allocates_nothing(rates: (from: Int, to: Int), profile: Resampler.Profile) throws {
        var resampler = try Resampler(from: rates.from, to: rates.to, profile: profile)
        let input = noise(rates.from / 50)
        var output = [Float](repeating: 0, count: rates.to / 100)
        var frames = 0
        let calls = input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                heapCalls {
                    resampler.skipDelay()
                    for block in 0..<200 {
                        if block == 50 { resampler.setDrift(ppm: 300) }
                        if block == 120 { resampler.setDrift(ppm: -45) }
                        if block == 180 { resampler.reset() }
                        let needed = resampler.inputFramesNeeded(forOutput: target.count)
                        let part = UnsafeBufferPointer(rebasing: source[..<min(needed, source.count)])
                        frames += resampler.process(part, into: target).produced
                    }
                }
            }
        }
        #expect(frames > 200 * rates.to / 100)
        #expect(calls == (0, 0))
    }

    @Test(arguments: SampleFormat.allCases, [1, 2, 6])
    func coding_allocates_nothing(format: SampleFormat, channels: Int) throws {
        var encoder = try #require(SampleEncoder(format: format, copies: channels))
        var decoder = try #require(SampleDecoder(format: format, channels: channels))
        var samples = noise(480)
        samples[7] = .nan
        samples[8] = 40
        var bytes = [UInt8](repeating: 0, count: 480 * encoder.bytesPerFrame)
        var frames = 0
        let calls = samples.withUnsafeMutableBufferPointer { source in
            bytes.withUnsafeMutableBytes { target in
                heapCalls {
                    for _ in 0..<100 {
                        frames += encoder.encode(UnsafeBufferPointer(source), into: target)
                        frames += decoder.decode(UnsafeRawBufferPointer(target), into: source)
                    }
                }
            }
        }
        #expect(frames == 2 * 200 * 480)
        #expect(calls == (0, 0))
    }

    @Test func metering_and_gain_allocate_nothing() {
        var meter = LevelMeter(sampleRate: 48_000)
        var gain = Gain(1, rampFrames: 480)
        var samples = noise(480)
        let calls = samples.withUnsafeMutableBufferPointer { buffer in
            heapCalls {
                for block in 0..<100 {
                    gain.set(block.isMultiple(of: 3) ? 0.5 : 0.9)
                    gain.apply(to: buffer)
                    _ = meter.measure(UnsafeBufferPointer(buffer))
                }
                meter.resetClippedCount()
            }
        }
        #expect(meter.heldPeak > 0)
        #expect(calls == (0, 0))
    }
}

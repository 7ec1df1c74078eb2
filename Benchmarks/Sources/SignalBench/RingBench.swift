import Glibc
import SignalMeasurement
import VoiceRealtime
import VoiceSignal

/// Cost of handing 10 ms of 48 kHz sound through a ring, and of the sample formats.
enum RingBench {
    fileprivate static let blockFrames = 480
    fileprivate static let blocks = 50_000

    static func run(rounds: Int) {
        print("Ring of floats, per block of \(blockFrames)")
        let input = noise(blockFrames)
        var output = [Float](repeating: 0, count: blockFrames)
        var slots = [Float](repeating: 0, count: 4 * blockFrames)
        let ends = makeRing(of: Float.self, capacityMin: 4 * blockFrames)
        var producer = ends.producer
        var consumer = ends.consumer
        // Capturing closures can't own a move-only end, so both are timed by hand here.
        var copying: [Double] = []
        var ringing: [Double] = []
        for _ in 0..<rounds {
            var start = Stopwatch.wallNanoseconds()
            for block in 0..<blocks {
                let place = block % 4 * blockFrames
                slots.withUnsafeMutableBytes { $0.baseAddress! + place * 4 }.copyMemory(
                    from: input, byteCount: blockFrames * 4)
                output.withUnsafeMutableBytes { $0.baseAddress! }.copyMemory(
                    from: slots.withUnsafeBytes { $0.baseAddress! + place * 4 }, byteCount: blockFrames * 4)
            }
            copying.append((Stopwatch.wallNanoseconds() - start) / Double(blocks))
            start = Stopwatch.wallNanoseconds()
            input.withUnsafeBufferPointer { source in
                output.withUnsafeMutableBufferPointer { target in
                    for _ in 0..<blocks {
                        _ = producer.writeSamples(source)
                        _ = consumer.readSamples(into: target)
                    }
                }
            }
            ringing.append((Stopwatch.wallNanoseconds() - start) / Double(blocks))
        }
        show("two copies", Stopwatch.median(copying), "ns")
        show("ring, one thread", Stopwatch.median(ringing), "ns")
        show("ratio", Stopwatch.median(zip(ringing, copying).map { $0 / $1 }), "")
        show("ring, two threads", Stopwatch.median((0..<rounds).map { _ in acrossThreads() }), "ns")
    }

    /// Nanoseconds per block from one thread to another.
    private static func acrossThreads() -> Double {
        let ends = makeRing(of: Float.self, capacityMin: 16 * blockFrames)
        let sender = Sender(ends.producer)
        let receiver = Receiver(ends.consumer)
        var thread = pthread_t()
        let start = Stopwatch.wallNanoseconds()
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Sender>.fromOpaque(argument!).takeRetainedValue()
                    .send(blocks: RingBench.blocks, of: RingBench.blockFrames)
                return nil
            }, Unmanaged.passRetained(sender).toOpaque())
        receiver.receive(frames: blocks * blockFrames, by: blockFrames)
        pthread_join(thread, nil)
        return (Stopwatch.wallNanoseconds() - start) / Double(blocks)
    }

    private static func show(_ name: String, _ value: Double, _ unit: String) {
        print("  " + left(name, 32) + column(value, decimals: 2, width: 10) + " " + unit)
    }
}

/// One end each, in objects of their own: two ends side by side would share a cache line.
private final class Sender: @unchecked Sendable {
    private var producer: RingProducer<Float>

    init(_ producer: consuming RingProducer<Float>) {
        self.producer = producer
    }

    func send(blocks: Int, of blockFrames: Int) {
        let block = noise(blockFrames)
        var sent = 0
        while sent < blocks * blockFrames {
            let written = block.withUnsafeBufferPointer {
                producer.writeSamples(UnsafeBufferPointer(rebasing: $0[(sent % blockFrames)...]))
            }
            sent += written
            if written == 0 { sched_yield() }
        }
    }
}

private final class Receiver {
    private var consumer: RingConsumer<Float>

    init(_ consumer: consuming RingConsumer<Float>) {
        self.consumer = consumer
    }

    func receive(frames: Int, by blockFrames: Int) {
        var output = [Float](repeating: 0, count: blockFrames)
        var received = 0
        while received < frames {
            let got = output.withUnsafeMutableBufferPointer { consumer.readSamples(into: $0) }
            received += got
            if got == 0 { sched_yield() }
        }
    }
}

/// Cost of the sample formats, per sample.
enum CodecBench {
    static func run(rounds: Int) throws {
        print("Sample formats, ns per sample, mono, blocks of 480")
        let samples = noise(480).map { $0 * 0.5 }
        for format in SampleFormat.allCases {
            var encoder = SampleEncoder(format: format)!
            var decoder = SampleDecoder(format: format, channels: 1)!
            var bytes = [UInt8](repeating: 0, count: 480 * format.bytesPerSample)
            var output = [Float](repeating: 0, count: 480)
            let timings = Stopwatch(rounds: rounds).compare([
                Contender(name: "encode", units: 480 * 2_000) {
                    samples.withUnsafeBufferPointer { source in
                        bytes.withUnsafeMutableBytes { target in
                            for _ in 0..<2_000 { _ = encoder.encode(source, into: target) }
                        }
                    }
                },
                Contender(name: "decode", units: 480 * 2_000) {
                    bytes.withUnsafeBytes { source in
                        output.withUnsafeMutableBufferPointer { target in
                            for _ in 0..<2_000 { _ = decoder.decode(source, into: target) }
                        }
                    }
                },
            ])
            print(
                "  " + left("\(format)", 12)
                    + timings.map { "\($0.name) " + column($0.nanosecondsPerUnit, decimals: 2, width: 6) }
                    .joined(separator: "   "))
        }
    }
}

import VoicePlayout
import VoiceRealtime

/// Pushes 10 ms and pulls 5 ms of a 200 Hz tone on perfect clocks.
struct BufferDriver {
    private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
    private var sent = 0
    private var frame = [Float](repeating: 0, count: 160)
    private var block = [Float](repeating: 0, count: 80)
    private(set) var output: [Float] = []
    var keepsSound = false

    mutating func run(_ buffer: inout JitterBuffer, seconds: Double, pushes: Bool = true, pulls: Bool = true) {
        for step in 0..<Int(seconds * 200) {
            if pushes, step.isMultiple(of: 2) {
                for index in 0..<160 { frame[index] = Tone.sample(sent + index) }
                sent += 160
                frame.withUnsafeBufferPointer { buffer.push($0, arrival: now) }
            }
            if pulls {
                block.withUnsafeMutableBufferPointer { buffer.pull(into: $0, now: now, length: 5_000_000) }
                if keepsSound { output += block }
            }
            now = now.advanced(byNanoseconds: 5_000_000)
        }
    }
}

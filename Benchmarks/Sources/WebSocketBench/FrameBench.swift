import VoiceRealtime
import VoiceWebSocket

/// What one frame costs between the application's call and the bytes for `write`, and between `read` and the message.
enum FrameBench {
    static func run() {
        print("CPU time of a binary frame, without the system calls, ns")
        for count in [320, 640, 4096, 65_536] {
            var random: UInt32 = 1
            var machine = WebSocketMachine(
                limits: WebSocketLimits(),
                nextMaskKey: {
                    random = random &* 1_664_525 &+ 1_013_904_223
                    return random
                })
            let now = MonotonicTime(nanoseconds: 0)
            let payload = [UInt8](repeating: 7, count: count)
            let frame = [0x82] + lengthBytes(count) + payload
            var sending = Double.infinity
            var receiving = Double.infinity
            for _ in 0..<7 {
                let start = Stopwatch.cpuNanoseconds()
                for _ in 0..<2000 {
                    payload.withUnsafeBytes { bytes in try? machine.perform(.sendBytes(bytes), now: now) }
                    machine.didSend(machine.output().count)
                }
                let middle = Stopwatch.cpuNanoseconds()
                for _ in 0..<2000 {
                    frame.withUnsafeBytes { bytes in
                        guard case .message = machine.handle(.received(bytes), now: now).action else {
                            fatalError("no message")
                        }
                    }
                }
                sending = min(sending, (middle - start) / 2000)
                receiving = min(receiving, (Stopwatch.cpuNanoseconds() - middle) / 2000)
            }
            print(column("\(count)", 10), "B: send", figure(sending, 0), " receive", figure(receiving, 0))
        }
    }

    private static func lengthBytes(_ count: Int) -> [UInt8] {
        if count < 126 { return [UInt8(count)] }
        if count <= 0xFFFF { return [126, UInt8(count >> 8), UInt8(count & 0xFF)] }
        return [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    }
}

import VoiceWebSocket
import VoiceWebSocketClient

/// What a frame costs from the call that sends it until the kernel has it: the thread's CPU time of `sendBinary` on a
/// real connection, both system calls (poll and send) included. The shortest of many batches.
enum SendBench {
    private static let batch = 100
    private static let rounds = 60

    static func run() throws {
        let server = EchoServer()
        let driver = try WebSocketDriver(
            url: WebSocketURL("ws://127.0.0.1:\(server.port)/"), options: WebSocketOptions())
        try driver.connect()
        let payload = [UInt8](repeating: 5, count: 640)
        var batches: [Double] = []
        for _ in 0..<rounds {
            let start = Stopwatch.cpuNanoseconds()
            for _ in 0..<batch { try payload.withUnsafeBytes { try driver.sendBinary($0) } }
            batches.append((Stopwatch.cpuNanoseconds() - start) / Double(batch))
            for _ in 0..<batch { try NetworkBench.receive(driver) }
        }
        batches.sort()
        print(
            "a 640-byte frame from the call until the kernel has it, ns of CPU: best", figure(batches[0], 0), " median",
            figure(batches[rounds / 2], 0))
        driver.abort()
    }
}

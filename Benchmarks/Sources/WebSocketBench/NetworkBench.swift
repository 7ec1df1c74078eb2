import Glibc
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

/// Round trips and echo throughput on loopback, beside Python's `websockets` against the same server in the same run.
enum NetworkBench {
    static func run() throws {
        let server = EchoServer()
        print("loopback echo; round trips of 640 bytes, then 64 MiB in messages of 64 KiB with 8 under way")
        try ours(server.port)
        python(server.port)
    }

    private static func ours(_ port: Int) throws {
        let driver = try WebSocketDriver(url: WebSocketURL("ws://127.0.0.1:\(port)/"), options: WebSocketOptions())
        try driver.connect()
        let small = [UInt8](repeating: 5, count: 640)
        var trips: [Double] = []
        for _ in 0..<5000 {
            let start = Stopwatch.wallNanoseconds()
            try driver.sendBinary(small)
            try receive(driver)
            trips.append((Stopwatch.wallNanoseconds() - start) / 1000)
        }
        trips.sort()
        let large = [UInt8](repeating: 6, count: 65_536)
        let (start, cpuStart) = (Stopwatch.wallNanoseconds(), Stopwatch.cpuNanoseconds())
        for _ in 0..<8 { try driver.sendBinary(large) }
        for number in 0..<1024 {
            try receive(driver)
            if number < 1016 { try driver.sendBinary(large) }
        }
        let seconds = (Stopwatch.wallNanoseconds() - start) / 1e9
        let cpuSeconds = (Stopwatch.cpuNanoseconds() - cpuStart) / 1e9
        print(
            "  ours:       p50", figure(trips[2500], 1), "µs  p99", figure(trips[4950], 1), "µs  ",
            figure(64 / seconds, 0),
            "MiB/s each way, CPU", figure(cpuSeconds * 1e9 / 64 / 1_048_576, 2), "ns per byte")
        driver.abort()
    }

    static func receive(_ driver: WebSocketDriver) throws {
        let end = monotonicNow().advanced(byNanoseconds: .seconds(30))
        while true {
            if let event = driver.nextEvent() {
                guard case .binary = event else { fatalError("\(event)") }
                return
            }
            try driver.wait(until: end)
        }
    }

    /// The same by a Python process.
    private static func python(_ port: Int) {
        let program = """
            import asyncio, time, websockets
            url, small, large, trips = "ws://127.0.0.1:\(port)/", bytes(640), bytes(65536), []
            async def run():
                async with websockets.connect(url, compression=None, max_size=None, ping_interval=None) as socket:
                    for _ in range(5000):
                        start = time.perf_counter(); await socket.send(small); await socket.recv()
                        trips.append((time.perf_counter() - start) * 1e6)
                    trips.sort()
                    start = time.perf_counter()
                    for _ in range(8): await socket.send(large)
                    for number in range(1024):
                        await socket.recv()
                        if number < 1016: await socket.send(large)
                    seconds = time.perf_counter() - start
                    print("  websockets: p50 %.1f µs  p99 %.1f µs   %d MiB/s each way (asyncio, %s)"
                        % (trips[2500], trips[4950], 64 / seconds, websockets.__version__))
                    socket.transport.abort()
            asyncio.run(run())
            """
        guard system("PATH=/usr/bin:$PATH python3 -W ignore - << 'PYTHON'\n\(program)\nPYTHON") == 0 else {
            print("  websockets: did not run (apt-get install python3-websockets)")
            return
        }
    }
}

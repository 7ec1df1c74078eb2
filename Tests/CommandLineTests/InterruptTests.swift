import Foundation
import ProcessSupport
import Testing

/// Ctrl-C, SIGTERM and a terminal that is closed, in the middle: nothing half-done, the documented code, and the relay is told.
@Suite(.boundedCrowd) struct InterruptTests {
    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143)), (SIGHUP, Int32(129))])
    func leavesNothingBehind(_ signal: Int32, _ status: Int32) async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let key = try relay.key()
        // Long enough that a signal which is late still finds them under way.
        try WaveSound.speech(seconds: 5).repeated(6).write(to: folder("in.wav"))
        try WaveSound.speech("speech-female.wav", seconds: 5).repeated(6).write(to: folder("in2.wav"))
        let process = try RunningProcess(
            Checkout.binary, ["convert", "in.wav", "in2.wav", "--relay", relay.url, "-o", "out/"],
            environment: ["QUOTA_API_KEY": key], folder: folder.path)
        try await process.wait(for: "two temporary files") {
            folder.files.count { $0.hasSuffix(".part") } == 2
        }
        try await pause(.milliseconds(300))
        process.signal(signal)
        let result = try await process.result()
        #expect(result.status == status, "\(result.errors)")
        #expect(folder.files.filter { $0.hasSuffix(".wav") || $0.hasSuffix(".part") } == ["in.wav", "in2.wav"])
        #expect(result.output.isEmpty, "\(result.output)")
        let report = try await relay.report(key)
        #expect(report.closeCode == 1000)
        #expect(report.samples < 30 * 16_000)
    }

    /// Before the relay has answered at all.
    @Test func whileTheHandshakeIsOpen() async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        try WaveSound.speech(seconds: 1).write(to: folder("in.wav"))
        let process = try RunningProcess(
            Checkout.binary, ["convert", "in.wav", "--relay", relay.url],
            environment: [
                "QUOTA_API_KEY": relay.key(
                    .init {
                        $0.fault = "mute"
                        $0.at = "auth"
                    })
            ],
            folder: folder.path)
        try await process.wait(for: "a temporary file") { folder.files.contains { $0.hasSuffix(".part") } }
        try await pause(.milliseconds(200))
        process.signal(SIGINT)
        #expect(try await process.result().status == 130)
        #expect(folder.files == ["in.wav"])
    }

    /// As `timeout` and a closed terminal do it: one event, though the second signal would end it at once.
    @Test(arguments: [[SIGTERM, SIGTERM], [SIGHUP, SIGHUP], [SIGTERM, SIGHUP]])
    func severalSignalsOfOneEventLeaveNothingBehind(_ signals: [Int32]) async throws {
        let folder = try Scratch()
        let relay = try await PeerRelay.shared
        let key = try relay.key()
        try WaveSound.speech(seconds: 5).repeated(6).write(to: folder("in.wav"))
        let process = try RunningProcess(
            Checkout.binary, ["convert", "in.wav", "--relay", relay.url, "-o", "out/"],
            environment: ["QUOTA_API_KEY": key], folder: folder.path)
        try await process.wait(for: "a temporary file") { folder.files.contains { $0.hasSuffix(".part") } }
        try await pause(.milliseconds(300))
        for signal in signals {
            process.signal(signal)
            // The next one half a second later would be another event: this thread is not given away between them.
            usleep(1_000)
        }
        let result = try await process.result()
        #expect([129, 143].contains(result.status), "\(result.status) \(result.errors)")
        #expect(folder.files.filter { $0.hasSuffix(".wav") || $0.hasSuffix(".part") } == ["in.wav"])
        #expect(try await relay.report(key).closeCode == 1000)
    }

    /// Until the process does with SIGINT what it wants: before, it would simply end.
    private func waitForHandler(_ process: RunningProcess) async throws {
        try await process.wait(for: "a handler of SIGINT") {
            let status = try String(contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
            return status.matches(of: /Sig(Blk|Ign|Cgt):\s+([0-9a-f]+)/).contains { match in
                (UInt64(match.output.2, radix: 16) ?? 0) >> (SIGINT - 1) & 1 == 1
            }
        }
        try await pause(.milliseconds(500))
    }

    /// What nohup has started goes on without its terminal.
    @Test func nohupOutlivesTheTerminal() async throws {
        let folder = try Scratch()
        let process = try RunningProcess(
            "/usr/bin/env", ["--ignore-signal=HUP", Checkout.binary, "convert", "-", "--local"], folder: folder.path)
        try await waitForHandler(process)
        process.signal(SIGHUP)
        try await pause(.milliseconds(500))
        #expect(!process.hasEnded)
        process.signal(SIGINT)
        #expect(try await process.result().status == 130)
    }

    /// While standard input gives nothing, which it may do for ever.
    @Test func whileStandardInputIsOpen() async throws {
        let folder = try Scratch()
        let process = try RunningProcess(Checkout.binary, ["convert", "-", "--local"], folder: folder.path)
        try await waitForHandler(process)
        process.signal(SIGINT)
        #expect(try await process.result().status == 130)
        #expect(folder.files.isEmpty)
    }
}

import Foundation
import Testing

/// The promise of the rate ceiling where the line is bad: whatever waits, is repeated or comes late below, in no window
/// of one second does more than 48,000 bytes leave the client. And the relay on the other side, which sees the bytes
/// only as the line delivers them, does not take a line's pause for the client's haste.
@Suite(
    .serialized, .enabled(if: FaultNetwork.obstacle == nil, Comment(rawValue: FaultNetwork.obstacle ?? "")),
    .timeLimit(.minutes(5)))
struct RatePromiseTests {
    struct Line: Sendable, CustomTestStringConvertible {
        var profile: String
        /// The line is dead from the third second on for so long.
        var pauseSeconds = 0.0
        var testDescription: String { pauseSeconds == 0 ? profile : "\(profile), dead for \(pauseSeconds) s" }
    }

    @Test(arguments: [
        Line(profile: ""), Line(profile: "delay=100 jitter=60"), Line(profile: "loss=0.05 delay=30 jitter=10"),
        Line(profile: "delay=20 rate=40000 queue=30000"), Line(profile: "delay=20", pauseSeconds: 1),
        Line(profile: "", pauseSeconds: 3),
    ])
    func no_second_has_more_than_the_ceiling(_ line: Line) throws {
        let network = try FaultNetwork()
        let folder = network.folder
        let keys = folder + "/keys"
        try "sk-line\n".write(toFile: keys, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keys)
        let program = try FaultNetwork.built("quota-voice")
        let port = try #require(Int(try network.tell("relay \(program) \(keys)")))
        try network.tell("tap \(port)")
        try network.tell("line \(line.profile)")
        let input = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("fixtures/speech-female.wav").path
        let client = try network.child([
            program, "convert", input, "-o", folder + "/out.wav", "--relay",
            "ws://\(FaultNetwork.serverAddress):\(port)", "--insecure", "--token-file", keys, "--json",
        ])
        if line.pauseSeconds > 0 {
            usleep(2_000_000)
            try network.tell("line down=1")
            usleep(UInt32(line.pauseSeconds * 1e6))
            try network.tell("line \(line.profile)")
        }
        let answer = client.line(seconds: 120) ?? "no answer"
        let counts = try network.tell("fullest").split(separator: " ").compactMap { Int($0) }
        print("rate promise: \(line.testDescription): left \(counts[0]), fullest second \(counts[1])")
        #expect(FileManager.default.fileExists(atPath: folder + "/out.wav"), "\(answer)")
        // Every sample of the recording, and the frames' headers.
        #expect(counts[0] > 180_000)
        // 75 packets of 640 bytes, each in a frame with 8 bytes of header.
        #expect(counts[1] <= 48_000 + 75 * 8)
    }
}

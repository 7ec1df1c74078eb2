import Foundation

/// `quota-voice serve` as a process of its own, on a free loopback port.
public final class ServedRelay: Sendable {
    public let process: RunningProcess
    public let port: Int
    private let scratch: Scratch

    /// - Parameter keys: API keys with their credits.
    public init(keys: [String: Int], options: [String] = []) async throws {
        scratch = try Scratch()
        let lines = keys.map { "\($0.key) \($0.value)\n" }.joined()
        let file = try scratch.write("keys", lines)
        process = try RunningProcess(
            Checkout.binary,
            // The machine of the tests may be busy with other tests: what that means has a test of its own.
            ["serve", "--port", "0", "--token-file", file, "--lateness", "0"] + options)
        var listening: Int?
        try await process.wait(for: "listening on") { [process] in
            let match = process.outputSoFar.firstMatch(of: /listening on ws:\/\/127\.0\.0\.1:(\d+)\//)
            listening = match.flatMap { Int($0.output.1) }
            return listening != nil
        }
        guard let listening else { throw ProcessFailure("serve said: \(process.outputSoFar)") }
        port = listening
    }

    public var url: String { "ws://127.0.0.1:\(port)" }
}

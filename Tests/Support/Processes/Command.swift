import Foundation

/// Processes that run to their end.
public enum Command {
    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
        folder: String? = nil, within seconds: Double = 60
    ) async throws -> ProcessResult {
        let process = try RunningProcess(
            program, arguments, environment: environment, input: input ?? "/dev/null", folder: folder)
        return try await process.result(within: seconds)
    }

    /// The command under test.
    public static func quotaVoice(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil, folder: String? = nil,
        within seconds: Double = 60
    ) async throws -> ProcessResult {
        try await run(
            Checkout.binary, arguments, environment: environment, input: input, folder: folder, within: seconds)
    }

    /// A tool that must succeed, found on the PATH.
    @discardableResult
    public static func tool(_ words: [String], folder: String? = nil) async throws -> String {
        let result = try await run("/usr/bin/env", words, folder: folder)
        guard result.status == 0 else {
            throw ProcessFailure("\(words.joined(separator: " ")): \(result.status) \(result.errors)")
        }
        return result.output
    }
}

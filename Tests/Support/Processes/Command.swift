import Foundation

/// Processes that run to their end, a bounded number at once: the machine may have two cores.
public enum Command {
    private static let gate = Gate(places: 8)

    public static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil,
        folder: String? = nil, within seconds: Double = 60
    ) async throws -> ProcessResult {
        try await gate.pass {
            let process = try RunningProcess(
                program, arguments, environment: environment, input: input ?? "/dev/null", folder: folder)
            return try await process.result(within: seconds)
        }
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

/// Lets so many through at once.
private actor Gate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { free = places }

    func pass<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
        defer { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }
        return try await body()
    }
}

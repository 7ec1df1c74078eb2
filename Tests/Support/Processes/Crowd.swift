import Testing

/// Lets a bounded number of test cases run at once: each has processes of its own, and the machine may have two cores.
///
/// Without it all cases of all suites begin together, and sound that is paced in real time comes too late. They run on
/// threads that tests which compute don't take.
public struct Crowd: SuiteTrait, TestTrait, TestScoping {
    public let isRecursive = true
    private static let gate = Gate(places: 8)

    public func scopeProvider(for test: Test, testCase: Test.Case?) -> Crowd? {
        testCase == nil ? nil : self
    }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Self.gate.enter()
        do {
            try await withTaskExecutorPreference(TestThreads.shared) { try await function() }
        } catch {
            await Self.gate.leave()
            throw error
        }
        await Self.gate.leave()
    }
}

extension Trait where Self == Crowd {
    /// Shares the machine with the other cases that start processes.
    public static var boundedCrowd: Crowd { Crowd() }
}

private actor Gate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { free = places }

    func enter() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// Runs `body`, and cancels it when `duration` is over.
///
/// - Throws: what `body` throws, or `elapsed` when the time was over first. Waits for `body` to notice its cancellation.
func withDeadline<Value: Sendable>(
    _ duration: Duration, elapsed: QuotaError, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: duration)
            return nil
        }
        defer { group.cancelAll() }
        // A nil is the clock's; two children can't both be gone without one.
        guard let first = try await group.next(), let value = first else { throw elapsed }
        return value
    }
}

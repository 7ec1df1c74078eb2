import Foundation

/// Threads for tests that wait for processes, devices and clocks.
///
/// Those of Swift's tasks are as many as the machine has processors, and tests that compute keep them for seconds: what is
/// to be done half a second after something else would be done five seconds after it.
public final class TestThreads: TaskExecutor, @unchecked Sendable {
    /// For `Task(executorPreference:)`: what a test starts besides itself does not inherit them.
    public static let shared = TestThreads(count: 16)

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    private init(count: Int) {
        for _ in 0..<count { Thread.detachNewThread { self.run() } }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
    }

    private func run() {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            let job = jobs.removeFirst()
            condition.unlock()
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

/// Waits as `Task.sleep` does, and is in time where the threads of Swift's tasks are taken.
public func pause(_ duration: Duration) async throws {
    try Task.checkCancellation()
    await withCheckedContinuation { continuation in
        _ = Alarms.shared.add(after: duration) { continuation.resume() }
    }
}

/// What is to happen at a time, on a thread of its own.
final class Alarms: @unchecked Sendable {
    static let shared = Alarms()

    private struct Alarm {
        let number: Int
        let time: ContinuousClock.Instant
        let ring: @Sendable () -> Void
    }

    private let condition = NSCondition()
    private var alarms: [Alarm] = []
    private var count = 0

    private init() {
        Thread.detachNewThread { self.run() }
    }

    /// Returns the number by which it is removed.
    func add(after duration: Duration, _ ring: @escaping @Sendable () -> Void) -> Int {
        condition.lock()
        defer { condition.unlock() }
        count += 1
        alarms.append(Alarm(number: count, time: .now + duration, ring: ring))
        condition.signal()
        return count
    }

    func remove(_ number: Int) {
        condition.lock()
        alarms.removeAll { $0.number == number }
        condition.unlock()
    }

    private func run() {
        while true {
            condition.lock()
            let now = ContinuousClock.now
            let due = alarms.filter { $0.time <= now }
            alarms.removeAll { $0.time <= now }
            if due.isEmpty {
                if let next = alarms.map(\.time).min() {
                    _ = condition.wait(until: Date(timeIntervalSinceNow: now.duration(to: next) / .seconds(1)))
                } else {
                    condition.wait()
                }
            }
            condition.unlock()
            for alarm in due { alarm.ring() }
        }
    }
}

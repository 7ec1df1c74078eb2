import Foundation
import NIOCore
import Synchronization

/// The threads that convert, and the sessions that wait for one.
///
/// Each session has a queue of its own (``SessionExecutor``). A thread takes the session that waits longest, does one
/// piece of its work, and puts it at the end of the line: a session that sends much waits for itself, not others for it.
/// Own threads, because a conversion keeps its thread busy, and Swift's pool has as few threads as the machine has cores.
final class WorkerPool: Sendable {
    private struct State {
        /// Sessions with work, the one that waits longest first, from `first` on.
        var ready: [SessionExecutor] = []
        var first = 0
        var lateness: LatenessMeter
        var isStopped = false
    }

    let workers: Int
    private let condition = NSCondition()
    /// Guarded by `condition`, which also wakes the workers; so it is no Mutex.
    private nonisolated(unsafe) var state: State

    /// - Parameter workers: threads; they start at once, and end with ``stop()``.
    init(workers: Int) {
        self.workers = max(1, workers)
        state = State(lateness: LatenessMeter(now: .now()))
        for number in 0..<self.workers {
            let thread = Thread { self.work() }
            thread.name = "convert-\(number)"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// A queue for one session.
    func makeExecutor() -> SessionExecutor { SessionExecutor(pool: self) }

    /// Notes how long a frame waited for its conversion.
    fileprivate func noteLateness(_ late: TimeAmount, now: NIODeadline) {
        condition.withLock { state.lateness.note(late, now: now) }
    }

    /// How long frames waited for a thread of late, and how long a session waits now.
    func lateness(now: NIODeadline = .now()) -> LatenessMeter.Report {
        condition.withLock {
            let waiting = state.first < state.ready.count ? state.ready[state.first].readySince : now
            return state.lateness.report(now: now, oldest: now - min(waiting, now))
        }
    }

    /// Ends the threads once nothing waits any more. What comes later runs on the thread that brings it.
    func stop() {
        condition.withLock {
            state.isStopped = true
            condition.broadcast()
        }
    }

    /// Puts a session with work at the end of the line.
    fileprivate func schedule(_ session: SessionExecutor) {
        let isQueued = condition.withLock {
            guard !state.isStopped else { return false }
            state.ready.append(session)
            condition.signal()
            return true
        }
        guard !isQueued else { return }
        while session.runNext() {}
    }

    private func work() {
        while let session = next() {
            // A session with more to do goes to the end of the line.
            if session.runNext() { schedule(session) }
        }
    }

    private func next() -> SessionExecutor? {
        condition.withLock {
            while state.first == state.ready.count {
                if state.isStopped { return nil }
                condition.wait()
            }
            let session = state.ready[state.first]
            state.first += 1
            if state.first == state.ready.count || state.first >= 1_024 {
                state.ready.removeFirst(state.first)
                state.first = 0
            }
            return session
        }
    }
}

/// One session's queue of work on a ``WorkerPool``: an actor's executor, so that all of the session runs there.
final class SessionExecutor: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var first = 0
        /// In the pool's line, or at work.
        var isScheduled = false
        var lateness = LatenessMeter(now: .now())
    }

    private let pool: WorkerPool
    private let state = Mutex(State())
    private let ready = Atomic<UInt64>(0)

    fileprivate init(pool: WorkerPool) {
        self.pool = pool
    }

    /// Since when the session has been in the line.
    fileprivate var readySince: NIODeadline { .uptimeNanoseconds(ready.load(ordering: .relaxed)) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isIdle = state.withLock { state in
            state.jobs.append(job)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isIdle {
            ready.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
            pool.schedule(self)
        }
    }

    /// Does one piece of work and says whether there is more.
    fileprivate func runNext() -> Bool {
        let job = state.withLock { state in
            let job = state.jobs[state.first]
            state.first += 1
            if state.first == state.jobs.count {
                state.jobs.removeAll(keepingCapacity: true)
                state.first = 0
            }
            return job
        }
        job.runSynchronously(on: asUnownedSerialExecutor())
        let hasMore = state.withLock { state in
            state.isScheduled = state.first < state.jobs.count
            return state.isScheduled
        }
        if hasMore { ready.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed) }
        return hasMore
    }

    /// Notes how long a frame of the session waited for its conversion. Not the wait for a thread alone: a session has one
    /// piece of work in the line at a time, and what came meanwhile waits behind it.
    func noteLateness(_ late: TimeAmount, now: NIODeadline) {
        state.withLock { $0.lateness.note(late, now: now) }
        pool.noteLateness(late, now: now)
    }

    /// How long this session's frames waited of late.
    var lateness: LatenessMeter.Report {
        state.withLock { $0.lateness.report(now: .now(), oldest: .nanoseconds(0)) }
    }
}

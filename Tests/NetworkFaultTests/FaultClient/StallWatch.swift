import Glibc
import Synchronization
import VoiceRealtime
import VoiceSecureStream

/// How long the machine has kept this process from running, as a thread sees it that does nothing but sleep.
///
/// What the tests promise of times is promised of a process that runs.
final class StallWatch: Sendable {
    private static let tickNanoseconds: Int64 = .milliseconds(10)
    /// What is shorter is no stall but a busy machine's turn-taking.
    private static let stallNanosecondsMin: Int64 = .milliseconds(50)

    private let lastTick = Atomic<UInt64>(monotonicNow().nanoseconds)
    private let total = Atomic<Int64>(0)

    /// Starts watching, until the process ends.
    static func start() -> StallWatch {
        let watch = StallWatch()
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { @Sendable context in
                if let context { Unmanaged<StallWatch>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(watch).toOpaque())
        precondition(code == 0, "no thread")
        return watch
    }

    private func run() {
        while true {
            usleep(UInt32(Self.tickNanoseconds / 1000))
            let now = monotonicNow()
            total.add(late(now), ordering: .relaxed)
            lastTick.store(now.nanoseconds, ordering: .releasing)
        }
    }

    /// All stalls so far, the present one included.
    func stalledNanoseconds() -> Int64 {
        let present = late(monotonicNow())
        return total.load(ordering: .relaxed) + present
    }

    private func late(_ now: MonotonicTime) -> Int64 {
        let tick = MonotonicTime(nanoseconds: lastTick.load(ordering: .acquiring))
        let late = now.nanoseconds(since: tick) - Self.tickNanoseconds
        return late < Self.stallNanosecondsMin ? 0 : late
    }
}

import CALSAShims
import CRealtime
import Glibc
import Synchronization

/// The worker of either direction, at a fixed place in memory.
enum WorkerPlace {
    case capture(UnsafeMutablePointer<CaptureWorker>)
    case playback(UnsafeMutablePointer<PlaybackWorker>)
}

/// A thread that runs one opening of a device, on memory of its own that is locked where the system allows it.
///
/// Threads: owned by the supervisor. `worker` belongs to the audio thread from `start` until `join` has returned.
final class AudioThread: @unchecked Sendable {
    private static let stackBytes = 256 * 1_024

    private let worker: WorkerPlace
    private let memory: DeviceMemory
    private let stack: LockedMemory
    private var thread = pthread_t()
    private var exit = AudioExit.stopped
    private let finished = Atomic<Bool>(false)

    private init(_ worker: WorkerPlace, _ memory: DeviceMemory, _ stack: LockedMemory) {
        self.worker = worker
        self.memory = memory
        self.stack = stack
    }

    var isFinished: Bool { finished.load(ordering: .acquiring) }
    var isMemoryLocked: Bool { stack.isLocked }

    /// Starts the thread; nil when the system has none left.
    static func start(_ worker: WorkerPlace, memory: DeviceMemory) -> AudioThread? {
        guard let stack = LockedMemory(byteCount: stackBytes) else { return nil }
        let body = AudioThread(worker, memory, stack)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        guard pthread_attr_setstack(&attributes, stack.base, stack.byteCount) == 0 else { return nil }
        let context = Unmanaged.passRetained(body)
        let code = pthread_create(
            &body.thread, &attributes,
            { @Sendable context in
                guard let context else { return nil }
                let body = Unmanaged<AudioThread>.fromOpaque(context)
                body._withUnsafeGuaranteedRef { $0.run() }
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            return nil
        }
        return body
    }

    private func run() {
        crt_block_signals()
        switch worker {
        case .capture(let place):
            crt_thread_name("sound-in")
            exit = place.pointee.run()
        case .playback(let place):
            crt_thread_name("sound-out")
            exit = place.pointee.run()
        }
        finished.store(true, ordering: .releasing)
        cas_signal(memory.supervisorDescriptor)
    }

    /// Waits for the end of the thread and says why it ended. Once only.
    func join() -> AudioExit {
        pthread_join(thread, nil)
        Unmanaged.passUnretained(self).release()
        return exit
    }

    /// Asks for SCHED_FIFO with `priority`, or with what the user's limit allows; 0 asks for nothing.
    func schedule(priority: Int) -> DeviceScheduling {
        guard priority > 0 else { return .ordinary(hint: "no real-time priority was asked for") }
        if crt_thread_realtime(thread, Int32(priority)) == 0 { return .realtime(priority: priority) }
        let allowed = min(priority, Int(crt_realtime_limit()))
        if allowed > 0, crt_thread_realtime(thread, Int32(allowed)) == 0 { return .realtime(priority: allowed) }
        return .ordinary(hint: RealtimePermission.hint)
    }
}

/// A piece of memory below a page that nobody may touch, kept out of the swap where that is allowed.
final class LockedMemory: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int
    let isLocked: Bool
    private let whole: UnsafeMutableRawPointer
    private let guardBytes: Int

    init?(byteCount: Int) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        guardBytes = page
        self.byteCount = (max(1, byteCount) + page - 1) / page * page
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let memory = mmap(nil, guardBytes + self.byteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
            memory != MAP_FAILED
        else { return nil }
        whole = memory
        mprotect(whole, guardBytes, PROT_NONE)
        base = whole + guardBytes
        // Touched here, not by the audio thread's first lap.
        base.initializeMemory(as: UInt8.self, repeating: 0, count: self.byteCount)
        isLocked = mlock(base, self.byteCount) == 0
    }

    deinit {
        munmap(whole, guardBytes + byteCount)
    }
}

/// What a user without real-time rights can do.
public enum RealtimePermission {
    /// The sentence for `DeviceScheduling.ordinary`.
    public static let hint = """
        sound threads run without real-time priority and may crackle: add the lines "@audio - rtprio 95" and \
        "@audio - memlock unlimited" to /etc/security/limits.d/audio.conf, add the user to the group audio and log in \
        again (rtkit serves only programs that ask it over D-Bus)
        """

    /// Keeps what the process uses now out of the swap; false when the user's limit (`ulimit -l`) is too low.
    ///
    /// For programs that do nothing but sound, after everything is open. Memory that is allocated later isn't locked,
    /// so that no allocation can fail because of it.
    ///
    /// What is mapped and was never touched (most of it: stacks, arenas) is locked when it is touched, not made present.
    public static func lockProcessMemory() -> Bool { mlockall(MCL_CURRENT | MCL_ONFAULT) == 0 }
}

import CRealtime
import Glibc
import Synchronization
import VoiceRealtime

/// Watches over a microphone while it is played into: makes its parts again when they go, and keeps this process from
/// recording its own voice when the microphone becomes the default of all programs.
///
/// Threads: `start` and `stop` from any, once each; the rest is a thread of its own.
final class MicrophoneWatch: @unchecked Sendable {
    /// Between two looks while something is missing, and where nothing tells of changes.
    private static let shortPause = Int64.seconds(1)
    /// Each look starts some programs, and what changes is told: this is for what the server has kept to itself.
    private static let longPause = Int64.seconds(20)
    /// Changes come in crowds.
    private static let gathering = Int64.milliseconds(100)

    private let parts: any MicrophoneParts
    private let tell: @Sendable (VirtualMicrophoneEvent) -> Void
    private let stopDescriptor = crt_eventfd_create()
    private let isStopped = Atomic<Bool>(false)

    // The thread's alone.
    /// What the input was connected to before it could be the microphone itself.
    private var lastInput: String?
    /// This process's streams that play into the microphone.
    private var playing: Set<Int> = []
    private var isGone = false
    private var hasComplained = false

    init(
        _ parts: any MicrophoneParts, input: String?, tell: @escaping @Sendable (VirtualMicrophoneEvent) -> Void
    ) {
        self.parts = parts
        self.tell = tell
        lastInput = input
    }

    deinit {
        close(stopDescriptor)
    }

    func start() {
        let context = Unmanaged.passRetained(self)
        let code = crt_thread_start(
            { context in
                guard let context else { return nil }
                Unmanaged<MicrophoneWatch>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        if code != 0 { context.release() }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        crt_eventfd_signal(stopDescriptor)
    }

    private func run() {
        crt_thread_name("microphone")
        var news: SoundServerNews?
        while !isStopped.load(ordering: .acquiring) {
            if news == nil { news = SoundServerNews() }
            look()
            if !waitForNews(news) { news = nil }
        }
    }

    /// Waits until a look is worth it; false when nothing more will be told.
    private func waitForNews(_ news: SoundServerNews?) -> Bool {
        let pause = news == nil || isGone ? Self.shortPause : Self.longPause
        let end = monotonicNow().advanced(byNanoseconds: pause)
        while !isStopped.load(ordering: .acquiring) {
            var entries = [pollfd(fd: stopDescriptor, events: Int16(POLLIN), revents: 0)]
            if let news { entries.append(news.entry) }
            let left = end.nanoseconds(since: monotonicNow())
            guard left > 0 else { return true }
            guard crt_poll(&entries, UInt32(entries.count), left) > 0, let news, entries[1].revents != 0 else {
                continue
            }
            switch news.take() {
            case false?: continue
            case true?:
                rest(Self.gathering)
                return true
            case nil:
                // The server is gone, or there never was one: it isn't asked more often than once a second.
                rest(Self.shortPause)
                return false
            }
        }
        return true
    }

    /// A pause that a stop ends.
    private func rest(_ nanoseconds: Int64) {
        var entry = pollfd(fd: stopDescriptor, events: Int16(POLLIN), revents: 0)
        _ = crt_poll(&entry, 1, nanoseconds)
    }

    private func look() {
        if parts.isComplete() != true {
            if !isGone { tell(.gone) }
            isGone = true
            guard parts.restore() else { return }
        }
        if isGone { tell(.back) }
        isGone = false
        guard let server = SoundServer() else { return }
        keepInput(server)
        keepOutput(server)
    }

    /// Connects an input that has become the microphone itself to what it was before.
    private func keepInput(_ server: SoundServer) {
        let sources = server.sources()
        let isOwn = { (name: String) in name == self.parts.name || name == self.parts.sink + ".monitor" }
        for stream in server.ownStreams(.recording) {
            guard let source = sources[stream.device] else { continue }
            guard isOwn(source) else {
                lastInput = source
                hasComplained = false
                continue
            }
            let others = sources.values.filter { !isOwn($0) }.sorted()
            let choices = [lastInput, server.defaultSource] + others.filter { !$0.hasSuffix(".monitor") }
            let choice = choices.compactMap(\.self).first { others.contains($0) }
            if let choice, server.move(.recording, stream.index, to: choice) {
                tell(.heardItself(now: choice))
            } else if !hasComplained {
                hasComplained = true
                tell(.heardItself(now: nil))
            }
        }
    }

    /// Takes back what a server without `node.dont-reconnect`, PulseAudio, has moved to the speakers.
    private func keepOutput(_ server: SoundServer) {
        let sinks = server.sinks()
        let streams = server.ownStreams(.playing)
        for stream in streams where playing.contains(stream.index) && sinks[stream.device] != parts.sink {
            _ = server.move(.playing, stream.index, to: parts.sink)
        }
        let own = streams.filter { sinks[$0.device] == parts.sink }.map(\.index)
        playing = playing.intersection(streams.map(\.index)).union(own)
    }
}

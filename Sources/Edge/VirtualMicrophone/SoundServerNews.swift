import CRealtime
import Glibc

/// What happens in the sound server, told by `pactl subscribe` while this object lives.
final class SoundServerNews {
    private let process: pid_t
    private let descriptor: Int32
    private var rest: [UInt8] = []

    /// Nil without `pactl`.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard crt_pipe(&ends) == 0 else { return nil }
        let started = ToolRun.spawn(["pactl", "subscribe"], output: ends[1])
        close(ends[1])
        guard let started else {
            close(ends[0])
            return nil
        }
        process = started
        descriptor = ends[0]
    }

    deinit {
        close(descriptor)
        kill(process, SIGKILL)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
    }

    /// Becomes readable with the next line, and with the end.
    var entry: pollfd { pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0) }

    /// Takes what was told, once `entry` is readable: whether any of it is about more than programs that come and go,
    /// as `pactl` itself does; nil at the end.
    func take() -> Bool? {
        var block = [UInt8](repeating: 0, count: 4_096)
        let count = read(descriptor, &block, block.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return false }
        guard count > 0 else { return nil }
        rest += block[..<count]
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return false }
        let lines = rest[...end].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        rest.removeSubrange(...end)
        return lines.contains { !$0.contains(" on client ") }
    }
}

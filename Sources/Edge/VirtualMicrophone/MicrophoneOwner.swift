import Glibc
import VoiceALSADevice

/// The process that a part of a microphone belongs to, as it stands in the name of the part.
///
/// A process's number alone is given to another one some time; with the time of its start it stays one process, wherever
/// its program lies and whatever has become of the file since.
package struct MicrophoneOwner: Equatable, Sendable {
    package let process: Int32
    /// When it began, in ticks since the machine was started: proc(5), field 22 of `stat`.
    package let start: UInt64

    package static let own = MicrophoneOwner(process: getpid(), start: living(getpid()) ?? 0)

    init(process: Int32, start: UInt64) {
        self.process = process
        self.start = start
    }

    /// The owner in `quota-voice-PROCESS-START-NAME`; nil for all other names.
    package init?(sink: some StringProtocol) {
        guard let match = String(sink).prefixMatch(of: /quota-voice-(\d+)-(\d+)-/),
            let process = Int32(match.output.1), let start = UInt64(match.output.2)
        else { return nil }
        self.init(process: process, start: start)
    }

    /// The name of the sink behind a microphone of this owner.
    func sink(_ name: String) -> String { "quota-voice-\(process)-\(start)-\(name)" }

    /// Whether the process still runs.
    package var isAlive: Bool { Self.living(process) == start }

    private static func living(_ process: Int32) -> UInt64? {
        start(stat: fileText("/proc/\(process)/stat"))
    }

    /// When a process began; nil for one that has ended, also when its parent has not been told yet.
    package static func start(stat: String) -> UInt64? {
        // The name in brackets may hold anything; the state, field 3, follows.
        guard let bracket = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}

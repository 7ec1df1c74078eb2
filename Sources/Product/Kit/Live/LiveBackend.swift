import CRealtime
import Glibc
import VoiceConversion
import VoiceLivePath
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocketClient

/// What converts in a live session. Lives on the wire thread; nothing in it blocks but `wait` and `finish`.
protocol LiveBackend: AnyObject {
    /// Gives the converter what it may have, and the path what came back.
    func turn(_ path: inout LivePath, now: MonotonicTime) -> [LiveEvent]
    /// Waits until a descriptor is readable, something came from the converter, or `deadline`.
    func wait(until deadline: MonotonicTime, descriptors: WebSocketDriver.Companions)
    func setVoice(_ voice: LiveVoice) -> [LiveEvent]
    /// Gates what is converted, ahead of its onsets.
    func setGate(decibels: Double?)
    /// Says goodbye; two seconds at most.
    func finish()
    func describe(_ snapshot: inout LiveSnapshot, now: MonotonicTime)
    /// Why there will be no more conversion.
    var failure: ConversionError? { get }
}

/// A voice by its name, and ready for a converter of this process.
struct LiveVoice: Sendable {
    let name: String
    let prepared: PreparedVoice?
}

/// Waits for descriptors alone.
func waitForDescriptors(_ descriptors: WebSocketDriver.Companions, until deadline: MonotonicTime) {
    let now = monotonicNow()
    let left = deadline > now ? deadline.nanoseconds(since: now) : 0
    var entries = (
        pollfd(fd: descriptors.0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: descriptors.1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: descriptors.2, events: Int16(POLLIN), revents: 0)
    )
    _ = withUnsafeMutablePointer(to: &entries) { pointer in
        pointer.withMemoryRebound(to: pollfd.self, capacity: 3) { crt_poll($0, 3, left) }
    }
}

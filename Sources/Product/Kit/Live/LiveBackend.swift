import CRealtime
import Glibc
import VoiceConversion
import VoiceLivePath
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocketClient

/// What converts in a live session. Lives on the wire thread; nothing in it blocks but `wait` and `finish`.
package protocol LiveBackend: AnyObject {
    /// Gives the converter what it may have, and the path what came back.
    func turn(_ path: inout LivePath, now: MonotonicTime) -> [LiveEvent]
    /// Waits until an eventfd is signalled, which drains it, something came from the converter, or `deadline`.
    func wait(until deadline: MonotonicTime, descriptors: WebSocketDriver.Companions)
    func setVoice(_ voice: LiveVoice) -> [LiveEvent]
    /// Gates what is converted, ahead of its onsets.
    func setGate(decibels: Double?)
    /// Sets the share of the converted voice, 0...1; where the own voice isn't at hand nothing happens.
    func setMix(_ share: Double)
    /// Says goodbye; two seconds at most.
    func finish()
    func describe(_ snapshot: inout LiveSnapshot, now: MonotonicTime)
    /// Why there will be no more conversion.
    var failure: ConversionError? { get }
    /// Whether there will be no more of it, with or without a failure.
    var isOver: Bool { get }
}

extension LiveBackend {
    package func setMix(_ share: Double) {}
}

/// A voice by its name, and ready for a converter of this process.
package struct LiveVoice: Sendable {
    package let name: String
    package let prepared: PreparedVoice?

    package init(name: String, prepared: PreparedVoice? = nil) {
        self.name = name
        self.prepared = prepared
    }
}

/// Waits for eventfds alone, and drains those that were signalled.
func waitForDescriptors(_ descriptors: WebSocketDriver.Companions, until deadline: MonotonicTime) {
    let now = monotonicNow()
    let left = deadline > now ? deadline.nanoseconds(since: now) : 0
    var entries = (
        pollfd(fd: descriptors.0, events: Int16(POLLIN), revents: 0),
        pollfd(fd: descriptors.1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: descriptors.2, events: Int16(POLLIN), revents: 0)
    )
    withUnsafeMutablePointer(to: &entries) { pointer in
        pointer.withMemoryRebound(to: pollfd.self, capacity: 3) { entries in
            _ = crt_poll(entries, 3, left)
            for index in 0..<3 where entries[index].revents != 0 { crt_eventfd_drain(entries[index].fd) }
        }
    }
}

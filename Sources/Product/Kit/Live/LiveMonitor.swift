import VoiceALSADevice
import VoiceDownlink
import VoicePlayout
import VoiceRealtime

/// The second speaker of a session: plays what the first one gets, by its own clock, and never holds the first one up.
///
/// In signal order: what was rendered for the output → jitter buffer and drift resampler → the device's ring. What it
/// can't take is dropped and counted here; a device that is lost is come back to by itself. Lives on the wire thread.
final class LiveMonitor {
    private let device: SoundDevice
    private var playback: OpenedPlayback
    private var downlink: LiveDownlink
    private var depth: RingDepth
    private let block: UnsafeMutableBufferPointer<Float>

    /// - Parameter rate: samples per second of what ``take(_:now:)`` gets.
    init(_ options: DeviceOptions, rate: Int) throws {
        let playback = try SoundDevice.openPlayback(options)
        let deviceRate = playback.device.sampleRate
        downlink = try LiveDownlink(.local(rate: rate), deviceRate: deviceRate)
        depth = RingDepth(period: playback.device.status.configuration.periodFrames, rate: deviceRate)
        device = playback.device
        self.playback = playback
        block = .allocate(capacity: deviceRate / 50)
        block.initialize(repeating: 0)
    }

    deinit {
        block.deallocate()
    }

    /// What the output gets next.
    func take(_ samples: UnsafeBufferPointer<Float>, now: MonotonicTime) {
        downlink.push(samples, arrival: now)
    }

    /// Fills the device's ring.
    func play(_ now: MonotonicTime) {
        let queued = playback.samples.capacity - playback.samples.writableCount()
        let counters = device.status.counters
        depth.update(
            queued: queued, starved: counters.starvedFrames, now: Int64(bitPattern: now.nanoseconds))
        var missing = depth.frames - queued
        while missing > 0 {
            let part = UnsafeMutableBufferPointer(rebasing: block[..<min(missing, block.count)])
            downlink.render(into: part, now: now)
            _ = playback.samples.write(UnsafeBufferPointer(part))
            missing -= part.count
        }
    }

    func takeEvents() -> [DeviceEvent] { device.takeEvents() }

    var snapshot: LiveSnapshot.Monitor {
        let status = device.status
        let queued = playback.samples.capacity - playback.samples.writableCount()
        let ring = Int64(queued) * 1_000_000_000 / Int64(device.sampleRate)
        return LiveSnapshot.Monitor(
            status: status, driftPPM: downlink.driftPPM,
            addedNanoseconds: downlink.levelNanoseconds + downlink.filterNanoseconds + ring
                + status.configuration.latencyNanoseconds,
            counts: downlink.counts)
    }

    func stop() { device.stop() }
}

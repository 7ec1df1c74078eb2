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
    private var feed: RingFeed
    /// Of the output, whose sound comes here.
    private var frame: DevicePeriod
    private let block: UnsafeMutableBufferPointer<Float>

    /// - Parameter source: the output, whose sound ``take(_:now:)`` gets.
    init(_ options: DeviceOptions, source: DeviceConfiguration) throws {
        let playback = try SoundDevice.openPlayback(options)
        let deviceRate = playback.device.sampleRate
        downlink = try LiveDownlink(.local(rate: source.sampleRate), deviceRate: deviceRate)
        feed = RingFeed(playback.device.status.configuration)
        frame = DevicePeriod(source)
        device = playback.device
        self.playback = playback
        block = .allocate(capacity: DevicePeriod.portionMax(rate: deviceRate))
        block.initialize(repeating: 0)
        setPeriods(device.status.configuration)
    }

    deinit {
        block.deallocate()
    }

    private func setPeriods(_ configuration: DeviceConfiguration) {
        downlink.setPeriods(frame: frame.nanoseconds, pull: DevicePeriod(configuration).nanoseconds)
    }

    /// Looks at the periods of both devices, which may have been opened anew.
    func follow(source: DeviceConfiguration) {
        let configuration = device.status.configuration
        let frame = DevicePeriod(source)
        guard feed.follow(configuration) || frame != self.frame else { return }
        self.frame = frame
        setPeriods(configuration)
    }

    /// What the output gets next.
    func take(_ samples: UnsafeBufferPointer<Float>, now: MonotonicTime) {
        downlink.push(samples, arrival: now)
    }

    /// Fills the device's ring.
    func play(_ now: MonotonicTime) {
        let queued = playback.samples.capacity - playback.samples.writableCount()
        let missing = feed.missing(queued: queued, starved: device.starvedFrames, now: now)
        var done = 0
        while done < missing {
            let part = UnsafeMutableBufferPointer(rebasing: block[..<min(missing - done, feed.portion)])
            // What comes behind another portion is asked for so much before its time.
            let early = Int64(done) * 1_000_000_000 / Int64(device.sampleRate)
            downlink.render(into: part, now: now.advanced(byNanoseconds: early))
            _ = playback.samples.write(UnsafeBufferPointer(part))
            done += part.count
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

    func requestStop() { device.requestStop() }

    func stop() { device.stop() }
}

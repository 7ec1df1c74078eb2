import CALSAShims
import Glibc
import VoiceRealtime

/// The loop of an audio thread on the calling thread, so that a test can watch what it calls.
package enum AudioLoop {
    /// Opens a device, runs `before`, the loop until so many frames went through, and `after`, whose result it returns.
    package static func run<Result>(
        _ direction: DeviceDirection, options: DeviceOptions, frames: UInt64, before: () -> Void,
        after: () -> Result
    ) throws -> Result {
        let memory = try DeviceMemory(device: options.name)
        let pcm = try PCM.open(options.name, direction, options: options, sampleRate: nil)
        let ring = makeRing(of: Float.self, capacityMin: 1 << 16)
        let seat: DeviceSeat
        switch direction {
        case .capture: seat = DeviceSeat(capturing: ring.producer, options: options, memory: memory)
        case .playback: seat = DeviceSeat(playing: ring.consumer, options: options, memory: memory)
        }
        let stopper = Unmanaged.passRetained(Stopper(memory: memory, frames: frames))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { @Sendable context in
                guard let context else { return nil }
                Unmanaged<Stopper>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, stopper.toOpaque())
        precondition(code == 0, "no thread is left")
        defer { pthread_join(thread, nil) }
        return try seat.runHere(pcm, before: before, after: after)
    }

    /// Asks the loop to end after so many frames, or after a minute.
    private final class Stopper: Sendable {
        private let memory: DeviceMemory
        private let frames: UInt64

        init(memory: DeviceMemory, frames: UInt64) {
            self.memory = memory
            self.frames = frames
        }

        func run() {
            let end = cas_now() + 60_000_000_000
            while memory.counters.frames < frames, cas_now() < end { cas_sleep(5_000_000) }
            memory.gauges.pointee.isStopRequested.store(true, ordering: .relaxed)
        }
    }
}

import CRealtime
import Foundation
import VoiceALSADevice
import VoiceRealtime
import VoiceSignal

/// A few seconds of the way from microphone to speaker: what is heard is recorded, what is played are chirps.
struct SoundTrial {
    static let chirpSeconds = 0.7
    static let listenSeconds = 1.5
    static let delaySecondsMax = 0.4

    private(set) var recorded: [Float] = []
    /// Where in the recording each chirp was handed to playback.
    private(set) var chirpStarts: [Int] = []
    /// How much later than the steadiest one each wake-up of the microphone's thread came, in milliseconds.
    private(set) var latenessMilliseconds: [Double] = []
    private var marks: [DeviceMark] = []
    private let meter: ChirpMeter

    init(sampleRate: Int) {
        meter = ChirpMeter(sampleRate: sampleRate)
    }

    /// Listens, then plays `chirps` chirps while it goes on listening. Without playback it only listens.
    mutating func run(
        _ capture: inout OpenedCapture, _ playback: consuming OpenedPlayback?, chirps: Int
    ) {
        let rate = capture.device.sampleRate
        let quiet = Int(Self.listenSeconds * Double(rate))
        let spacing = Int(Self.chirpSeconds * Double(rate))
        let total = quiet + (playback == nil ? 0 : chirps * spacing)
        // What is in the rings already has no place on the time line.
        _ = capture.samples.discardSamples(capture.samples.readableSamples())
        let ahead = capture.device.status.configuration.periodFrames
        write([Float](repeating: 0, count: ahead), &playback)
        let deadline = ContinuousClock.now + .seconds(Double(total) / Double(rate) + 5)
        var block = [Float](repeating: 0, count: 8_192)
        var pending: ArraySlice<Float> = []
        while recorded.count < total, ContinuousClock.now < deadline {
            var entry = pollfd(fd: capture.device.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = crt_poll(&entry, 1, .milliseconds(100))
            capture.device.drainWake()
            let count = block.withUnsafeMutableBufferPointer { capture.samples.readSamples(into: $0) }
            guard count > 0 else { continue }
            if marks.last != capture.device.lastMark { marks.append(capture.device.lastMark) }
            recorded += block[..<count]
            let next = quiet + chirpStarts.count * spacing
            if recorded.count >= next, chirpStarts.count < chirps, recorded.count < total - spacing / 2 {
                chirpStarts.append(recorded.count)
                pending = meter.chirp[...]
            }
            // As many out as have come in, so that both count the same time.
            let part = pending.prefix(count)
            pending = pending.dropFirst(count)
            write(Array(part) + [Float](repeating: 0, count: count - part.count), &playback)
        }
        measureLateness(rate)
    }

    private func write(_ samples: [Float], _ playback: inout OpenedPlayback?) {
        _ = samples.withUnsafeBufferPointer { playback?.samples.writeSamples($0) }
    }

    private mutating func measureLateness(_ rate: Int) {
        guard let first = marks.first else { return }
        let offsets = marks.map { mark in
            Double(mark.time.nanoseconds(since: first.time)) / 1e6
                - Double(mark.frames - first.frames) * 1_000 / Double(rate)
        }
        let least = offsets.min() ?? 0
        latenessMilliseconds = offsets.map { $0 - least }.sorted()
    }

    /// Round-trip delays of the chirps that were heard, in milliseconds, sorted.
    func roundTrips(sampleRate: Int) -> [Double] {
        chirpStarts.compactMap { start in
            meter.delay(in: recorded, after: start, window: Int(Self.delaySecondsMax * Double(sampleRate)))
        }.map { Double($0) * 1_000 / Double(sampleRate) }.sorted()
    }

    /// The levels before the first chirp, in dB of full scale.
    func levels() -> (peak: Double, rms: Double) {
        let quiet = recorded.prefix(chirpStarts.first ?? recorded.count)
        let peak = quiet.map { Double(abs($0)) }.max() ?? 0
        let square = quiet.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, quiet.count))
        return (Decibels.level(peak), Decibels.level(square.squareRoot()))
    }
}

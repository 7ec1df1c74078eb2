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
    /// What has not moved at all by then will not.
    private static let patienceSeconds = 2.5

    private(set) var recorded: [Float] = []
    /// Where in the recording each chirp was handed to playback.
    private(set) var chirpStarts: [Int] = []
    /// How the microphone's thread was woken.
    private(set) var punctuality = Punctuality([])
    private var marks: [DeviceMark] = []
    private let meter: ChirpMeter
    /// The chirp at the speaker's rate, which may be another one.
    private let played: ChirpMeter

    init(sampleRate: Int, playbackRate: Int? = nil) {
        let playbackRate = playbackRate ?? sampleRate
        let slowest = min(sampleRate, playbackRate)
        meter = ChirpMeter(sampleRate: sampleRate, slowest: slowest)
        played = ChirpMeter(sampleRate: playbackRate, slowest: slowest)
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
        var written = 0
        write([Float](repeating: 0, count: scaled(ahead, rate)), &playback)
        let deadline = ContinuousClock.now + .seconds(Double(total) / Double(rate) + 5)
        let patience = ContinuousClock.now + .seconds(Self.patienceSeconds)
        // A chirp begins behind a block, so one that comes late must not reach beyond the next.
        var block = [Float](repeating: 0, count: min(8_192, rate / 10))
        var pending: ArraySlice<Float> = []
        while recorded.count < total, ContinuousClock.now < deadline {
            var entry = pollfd(fd: capture.device.wakeDescriptor, events: Int16(POLLIN), revents: 0)
            _ = crt_poll(&entry, 1, .milliseconds(100))
            capture.device.drainWake()
            let count = block.withUnsafeMutableBufferPointer { capture.samples.readSamples(into: $0) }
            if count == 0, marks.isEmpty, ContinuousClock.now > patience { break }
            guard count > 0 else { continue }
            if marks.last != capture.device.lastMark { marks.append(capture.device.lastMark) }
            recorded += block[..<count]
            let next = quiet + chirpStarts.count * spacing
            if recorded.count >= next, chirpStarts.count < chirps, recorded.count < total - spacing / 2 {
                chirpStarts.append(recorded.count)
                pending = played.chirp[...]
            }
            // As much out as has come in, so that both count the same time.
            let wanted = scaled(recorded.count, rate) - written
            let part = pending.prefix(wanted)
            pending = pending.dropFirst(wanted)
            write(Array(part) + [Float](repeating: 0, count: wanted - part.count), &playback)
            written += wanted
        }
        measurePunctuality(rate)
    }

    /// Plays `chirps` chirps for who hears them without a microphone.
    func play(_ playback: inout OpenedPlayback, chirps: Int) {
        let spacing = Int(Self.chirpSeconds * Double(played.sampleRate))
        let chirp = played.chirp + [Float](repeating: 0, count: max(0, spacing - played.chirp.count))
        for _ in 0..<chirps {
            var rest = chirp[...]
            let deadline = ContinuousClock.now + .seconds(2 * Self.chirpSeconds)
            while !rest.isEmpty, ContinuousClock.now < deadline {
                let count = rest.withUnsafeBufferPointer { playback.samples.writeSamples($0) }
                rest = rest.dropFirst(count)
                var entry = pollfd(fd: playback.device.wakeDescriptor, events: Int16(POLLIN), revents: 0)
                _ = crt_poll(&entry, 1, .milliseconds(100))
                playback.device.drainWake()
            }
        }
    }

    /// So many frames of the microphone in frames of the speaker.
    private func scaled(_ frames: Int, _ rate: Int) -> Int { frames * played.sampleRate / rate }

    private func write(_ samples: [Float], _ playback: inout OpenedPlayback?) {
        _ = samples.withUnsafeBufferPointer { playback?.samples.writeSamples($0) }
    }

    private mutating func measurePunctuality(_ rate: Int) {
        guard let first = marks.first else { return }
        punctuality = Punctuality(
            marks.map { mark in
                let time = Double(mark.time.nanoseconds(since: first.time)) / 1e6
                return (time, Double(mark.frames - first.frames) * 1_000 / Double(rate))
            })
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

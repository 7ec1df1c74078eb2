import Foundation
import ProcessSupport
import Testing
import VoiceSignal

/// A PipeWire of the tests' own with a virtual microphone `vmic` and a virtual speaker `vspk`; gone with this object.
final class SoundSystem: Sendable {
    let environment: [String: String]
    private let scratch: Scratch
    private let process: RunningProcess

    init() async throws {
        let scratch = try Scratch()
        process = try RunningProcess(Checkout.root + "/Tests/Rig/start-sound.sh", [scratch("s")])
        try await process.wait(for: "the sound system", within: 120) { scratch.exists("s/environment") }
        let lines = String(decoding: try scratch.read("s/environment"), as: UTF8.self).split(separator: "\n")
        environment = lines.reduce(into: [:]) { environment, line in
            let parts = line.split(separator: "=", maxSplits: 1)
            environment[String(parts[0])] = String(parts[1])
        }
        self.scratch = scratch
    }

    /// Kills PipeWire as a crash would.
    func killDaemon() throws { try scratch.write("s/kill-daemon", "") }

    /// Lets it start again.
    func restartDaemon() throws { try FileManager.default.removeItem(atPath: scratch("s/kill-daemon")) }

    /// Lets PipeWire stand still, as a debugger or a machine without memory does.
    func freezeDaemon() async throws {
        try scratch.write("s/freeze-daemon", "")
        try await process.wait(for: "a PipeWire that stands still") { scratch.exists("s/frozen") }
    }

    /// Sends SIGTERM to a program and lets a PipeWire that stands still go on some time later: by a process, which nothing
    /// keeps from running for long.
    func end(_ program: RunningProcess, thawingAfter seconds: Double) async throws {
        let script = "kill -TERM \(program.identifier); sleep \(seconds); rm '\(scratch("s/freeze-daemon"))'"
        #expect(try await Command.run("/bin/sh", ["-c", script]).status == 0)
        try await process.wait(for: "a PipeWire that goes on") { !scratch.exists("s/frozen") }
    }

    /// Waits for what the sound server does some moments after it was told to.
    func wait(for what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let isLast = ContinuousClock.now >= deadline
            if try await condition() { return }
            if isLast { throw ProcessFailure("\(what) did not come") }
            try await pause(.milliseconds(50))
        }
    }

    /// Waits until the sound server lists a source of this name, or no longer lists it.
    func wait(forSource name: String, isThere: Bool = true) async throws {
        try await wait(for: "a list of sources \(isThere ? "with" : "without") \(name)") {
            let list = try await run("/usr/bin/pactl", ["list", "short", "sources"]).result()
            return list.status == 0 && list.output.contains("\t\(name)\t") == isThere
        }
    }

    /// Kills pipewire-pulse alone, in which modules live, and starts another one.
    func replacePulse() async throws {
        try scratch.write("s/kill-pulse", "")
        try await process.wait(for: "another pipewire-pulse") { !scratch.exists("s/kill-pulse") }
    }

    func run(_ program: String, _ arguments: [String], adding: [String: String] = [:]) throws -> RunningProcess {
        try RunningProcess(program, arguments, environment: environment.merging(adding) { $1 })
    }

    /// Plays a tone into the virtual microphone until it is let go, for three minutes at most.
    func speak(hertz: Double = 440) throws -> RunningProcess {
        let samples = (0..<48_000 * 180).map { Float(0.3 * sin(2 * .pi * hertz * Double($0) / 48_000)) }
        let path = try WaveSound(sampleRate: 48_000, samples: samples).write(to: scratch("tone-\(UUID()).wav"))
        return try run("/usr/bin/pw-cat", ["-p", "--target", "vmic", path])
    }

    /// Records until a tone is heard, at least this loud in one half second: whoever plays it may begin late, and a sound
    /// server that stood still leaves a hole. Returns how loud it is.
    func hear(
        _ hertz: Double, atLeast least: Double = 0.1, by record: () async throws -> [Float]
    ) async throws -> Double {
        var loudest = 0.0
        try await wait(for: "a tone of \(hertz) Hz") {
            loudest = max(loudest, loudestHalfSecond(of: try await record(), hertz: hertz))
            return loudest >= least
        }
        return loudest
    }

    /// Records what a source delivers or, with `isSpeaker`, what a speaker plays, by a program that is not ours.
    func record(_ source: String, isSpeaker: Bool = false, seconds: Int) async throws -> [Float] {
        // A speaker's name alone would silently record the default microphone.
        let properties = isSpeaker ? ["PIPEWIRE_ALSA": "{ stream.capture.sink=true }"] : [:]
        return try await arecord(source, properties, seconds)
    }

    /// Records from a source of the sound server, as programs for PulseAudio do.
    func record(microphone: String, seconds: Int) async throws -> [Float] {
        try await arecord("pulse", ["PULSE_SOURCE": microphone], seconds)
    }

    private func arecord(_ source: String, _ properties: [String: String], _ seconds: Int) async throws -> [Float] {
        let path = scratch("record-\(UUID()).wav")
        let arecord = try RunningProcess(
            "/usr/bin/arecord", ["-D", source, "-d", "\(seconds)", "-f", "S16_LE", "-r", "48000", "-c", "1", path],
            environment: environment.merging(properties) { $1 })
        let result = try await arecord.result(within: 60)
        guard result.status == 0 else { throw ProcessFailure(result.errors) }
        return try WaveSound(file: path).samples
    }
}

/// How loud a tone is in a recording, as the amplitude of a sine wave.
func amplitude(of samples: [Float], hertz: Double, sampleRate: Double = 48_000) -> Double {
    var real = 0.0
    var imaginary = 0.0
    for (index, sample) in samples.enumerated() {
        let angle = 2 * Double.pi * hertz * Double(index) / sampleRate
        real += Double(sample) * cos(angle)
        imaginary += Double(sample) * sin(angle)
    }
    return 2 * (real * real + imaginary * imaginary).squareRoot() / Double(max(1, samples.count))
}

/// The same of its loudest half second: a recorder may begin before it is connected, and a busy machine leaves holes.
func loudestHalfSecond(of samples: [Float], hertz: Double) -> Double {
    stride(from: 0, to: samples.count - 24_000, by: 12_000)
        .map { amplitude(of: Array(samples[$0..<$0 + 24_000]), hertz: hertz) }.max() ?? 0
}

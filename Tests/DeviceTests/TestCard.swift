import Foundation
import ProcessSupport
import Testing
import VoiceALSADevice
import VoiceRealtime

/// The plugin of Tests/Rig, built once for all tests.
enum CardPlugin {
    private static let built = Task<Scratch, any Error> {
        let scratch = try Scratch()
        let build = try RunningProcess(Checkout.root + "/Tests/Rig/build-device.sh", [scratch.path])
        let result = try await build.result(within: 120)
        guard result.status == 0 else { throw ProcessFailure(result.errors) }
        return scratch
    }

    static func path() async throws -> String { try await built.value("libasound_module_pcm_rig.so") }
}

/// A sound card that nobody else uses, with faults to switch on and off.
///
/// Its microphone plays a ramp: each frame is one step of 1/32768 above the one before, from 1 to 30000 and again,
/// beginning at 1 after each start of the device.
final class TestCard: Sendable {
    static let rampSteps = 30_000

    private let scratch: Scratch

    /// - Parameter fields: more of the plugin's fields, by the names of devices: `["card": "formats \"s32\""]`.
    init(_ fields: [String: String] = ["card": ""]) async throws {
        scratch = try Scratch()
        var text = "</usr/share/alsa/alsa.conf>\npcm_type.rig { lib \"\(try await CardPlugin.path())\" }\n"
        for (name, fields) in fields {
            try FileManager.default.createDirectory(atPath: scratch(name), withIntermediateDirectories: true)
            text += "pcm.\(name) { type rig state \"\(scratch(name))\" record \"\(scratch(name)).raw\" \(fields)"
            text += " hint { show on description \"Card of the tests, \(name)\" } }\n"
        }
        try scratch.write("asound.conf", text)
    }

    var configurationFile: String { scratch("asound.conf") }

    func options(_ name: String = "card") -> DeviceOptions {
        var options = DeviceOptions(name: name)
        options.configurationFile = configurationFile
        options.latencyNanoseconds = .milliseconds(20)
        options.retryNanoseconds = .milliseconds(100)
        // As much as there may be, so that a test that gets no turn for a while loses nothing.
        options.ringNanoseconds = .seconds(5)
        options.openTimeoutNanoseconds = .seconds(60)
        return options
    }

    /// Switches a fault on; the list stands in rig_device.c.
    func fault(_ fault: String, of name: String = "card") throws { try scratch.write("\(name)/\(fault)", "") }

    /// Lets a playback device starve until it is opened for the next time but so many.
    func starve(forOpenings count: Int, of name: String = "card") throws {
        try Data("\(count)".utf8).write(to: URL(fileURLWithPath: scratch("\(name)/starving")), options: .atomic)
    }

    /// Lets a device stand still for 0.3 s, 1.5 s after another one has begun to play: by a process, as nobody keeps that
    /// from running for long.
    func stop(_ name: String, onceFedBy player: String) throws -> RunningProcess {
        let script = """
            until [ -s "$1" ]; do sleep 0.02; done
            sleep 1.5; : >"$2"; sleep 0.3; rm "$2"
            """
        return try RunningProcess(
            "/bin/sh", ["-c", script, "sh", scratch("\(player).raw"), scratch("\(name)/stopped")])
    }

    func mend(_ fault: String, of name: String = "card") throws {
        try FileManager.default.removeItem(atPath: scratch("\(name)/\(fault)"))
    }

    func has(_ fault: String, of name: String = "card") -> Bool { scratch.exists("\(name)/\(fault)") }

    /// What the card has played so far, in steps of 1/32768.
    func played(_ name: String = "card") throws -> [Int] {
        guard scratch.exists("\(name).raw") else { return [] }
        let data = try scratch.read("\(name).raw")
        return stride(from: 0, to: data.count - 1, by: 2).map { offset in
            Int(Int16(truncatingIfNeeded: Int(data[offset]) | Int(data[offset + 1]) << 8))
        }
    }
}

/// Waits for something that a device does by itself; generous, as the machine may be busy with other tests.
func eventually(_ what: String, within seconds: Double = 60, _ condition: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        let isLast = ContinuousClock.now >= deadline
        if try condition() { return }
        if isLast { throw ProcessFailure("\(what) did not come within \(seconds) s") }
        try await pause(.milliseconds(10))
    }
}

/// Collects a device's events, so that a test can wait for one.
final class EventLog {
    let device: SoundDevice
    private(set) var events: [DeviceEvent] = []

    init(_ device: SoundDevice) { self.device = device }

    func wait(
        _ what: String, within seconds: Double = 60, for isWanted: (DeviceEvent) -> Bool
    ) async throws {
        do {
            try await eventually(what, within: seconds) {
                events += device.takeEvents()
                return events.contains(where: isWanted)
            }
        } catch {
            throw ProcessFailure("\(error); what came: \(events)")
        }
    }

    func waitForLoss(_ cause: DeviceError.Cause) async throws {
        try await wait("the loss (\(cause))") { event in
            if case .lost(let error) = event { error.cause == cause } else { false }
        }
    }

    func waitForRecovery() async throws {
        try await wait("the recovery") { event in
            if case .recovered = event { true } else { false }
        }
    }
}

/// What came out of a ring, in steps of 1/32768.
struct RampReader {
    private(set) var steps: [Int] = []

    mutating func read(_ ring: inout RingConsumer<Float>) {
        var block = [Float](repeating: 0, count: 4_096)
        while true {
            let count = block.withUnsafeMutableBufferPointer { ring.readSamples(into: $0) }
            if count == 0 { return }
            steps += block[..<count].map { Int(($0 * 32_768).rounded()) }
        }
    }

    /// Places where a step does not follow from the one before.
    static func breaks(_ steps: [Int]) -> [(before: Int, after: Int)] {
        zip(steps, steps.dropFirst()).filter { $1 != $0 % TestCard.rampSteps + 1 }.map { ($0, $1) }
    }
}

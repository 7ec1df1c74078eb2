import Foundation
import ProcessSupport

/// Two sound cards of their own for a live session: `mic` plays a ramp, `spk` records what it plays.
final class LiveCards: Sendable {
    private static let plugin = Task<Scratch, any Error> {
        let scratch = try Scratch()
        let build = try RunningProcess(Checkout.root + "/Tests/Rig/build-device.sh", [scratch.path])
        let result = try await build.result(within: 120)
        guard result.status == 0 else { throw ProcessFailure(result.errors) }
        return scratch
    }

    let scratch: Scratch
    /// To be preloaded: counts what sound threads ask of the heap.
    let heapWatch: String

    init() async throws {
        let built = try await Self.plugin.value
        let plugin = built("libasound_module_pcm_rig.so")
        heapWatch = built("heap_watch.so")
        scratch = try Scratch()
        var text = "</usr/share/alsa/alsa.conf>\npcm_type.rig { lib \"\(plugin)\" }\n"
        for name in ["mic", "spk"] {
            try FileManager.default.createDirectory(atPath: scratch(name), withIntermediateDirectories: true)
            text += "pcm.\(name) { type rig state \"\(scratch(name))\" record \"\(scratch(name)).raw\" }\n"
        }
        try FileManager.default.createDirectory(atPath: scratch("runtime"), withIntermediateDirectories: true)
        try scratch.write("asound.conf", text)
    }

    var environment: [String: String] {
        [
            "ALSA_CONFIG_PATH": scratch("asound.conf"), "XDG_RUNTIME_DIR": scratch("runtime"),
            "XDG_STATE_HOME": scratch("state"),
        ]
    }

    /// Lets the microphone hear this, 48 kHz, over and over.
    func speak(_ sound: WaveSound) throws {
        try sound.data.dropFirst(44).write(to: URL(fileURLWithPath: scratch("mic/speech")))
    }

    /// `quota-voice live` on these cards.
    func live(
        _ words: [String], key: String? = nil, adding: [String: String] = [:]
    ) throws -> RunningProcess {
        try RunningProcess(
            Checkout.binary, ["live", "--input", "mic", "--output", "spk", "--json"] + words,
            environment: environment.merging(key.map { ["QUOTA_API_KEY": $0] } ?? [:]) { $1 }.merging(adding) { $1 },
            folder: scratch.path)
    }

    func ctl(_ words: String...) async throws -> ProcessResult {
        try await Command.quotaVoice(["ctl"] + words, environment: environment)
    }

    func fault(_ name: String, _ fault: String) throws { try scratch.write("\(name)/\(fault)", "") }

    func mend(_ name: String, _ fault: String) throws {
        try FileManager.default.removeItem(atPath: scratch("\(name)/\(fault)"))
    }

    /// What the speaker has played, in steps of 1/32768.
    func played() throws -> [Int] {
        guard scratch.exists("spk.raw") else { return [] }
        let data = try scratch.read("spk.raw")
        return stride(from: 0, to: data.count - 1, by: 2).map { offset in
            Int(Int16(truncatingIfNeeded: Int(data[offset]) | Int(data[offset + 1]) << 8))
        }
    }
}

/// A line that `live --json` has printed.
struct LiveLine: Decodable {
    struct Device: Decodable {
        let name: String
        let state: String
    }

    struct Delay: Decodable {
        let measured: Double
        let converter: Double?
    }

    let event: String
    let link: String?
    let voice: String?
    let muted: Bool?
    let pitchSemitones: Double?
    let formant: Double?
    let mixPercent: Double?
    let speakerHertz: Double?
    let bypassed: Bool?
    let heard: String?
    let wire: String?
    let seconds: Double?
    let input: Device?
    let output: Device?
    let delayMs: Delay?
    let message: String?
    let creditsUsed: Int?
    let reconnects: Int?

    static func parse(_ text: String) -> [LiveLine] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return text.split(separator: "\n").compactMap { try? decoder.decode(LiveLine.self, from: Data($0.utf8)) }
    }
}

extension RunningProcess {
    var lines: [LiveLine] { LiveLine.parse(outputSoFar) }

    func waitFor(_ what: String, _ isWanted: @escaping (LiveLine) -> Bool) async throws {
        try await wait(for: what, within: 60) { self.lines.contains(where: isWanted) }
    }
}

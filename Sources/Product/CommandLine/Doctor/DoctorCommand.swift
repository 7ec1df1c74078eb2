import ArgumentParser
import Foundation
import VoiceALSADevice

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Find out where the sound stops, stage by stage, and what to do.",
        discussion: """
            Listens for a moment, plays six short chirps, listens for them, and connects to the relay (nothing is sent \
            there). Speak while it listens. Exit code 0 when there is no problem, 69 otherwise.
            """)

    @Option(help: ArgumentHelp("The microphone; see quota-voice devices.", valueName: "name"))
    var input = SoundDevices.defaultName

    @Option(help: ArgumentHelp("The speaker; see quota-voice devices.", valueName: "name"))
    var output = SoundDevices.defaultName

    @Flag(help: "Play nothing.")
    var silent = false

    @Option(help: ArgumentHelp("The relay to be reached.", valueName: "url"))
    var relay: String?

    @Flag(help: "Leave the network alone.")
    var local = false

    @Option(help: ArgumentHelp("Trust the certificates of this PEM file too.", valueName: "file"), completion: .file())
    var caFile: String?

    @Flag(help: "Allow ws:// to other machines.")
    var insecure = false

    @Flag(help: "Print a JSON object for programs.")
    var json = false

    private struct Report: Encodable {
        let isGood: Bool
        let findings: [Finding]
    }

    func validate() throws {
        if local, relay != nil { throw ValidationError("--local and --relay exclude each other; give one.") }
    }

    func run() async throws {
        var check = SoundCheck(input: input, output: output, playsChirps: !silent)
        check.run()
        var findings = check.findings
        if !local {
            let environment = ProcessInfo.processInfo.environment["QUOTA_BASE_URL"].flatMap { $0.isEmpty ? nil : $0 }
            let base = relay ?? environment ?? RelayOptions.defaultBaseURL
            findings.append(RelayCheck.run(base: base, caFile: caFile, allowsInsecure: insecure))
        }
        let problem = findings.first { $0.verdict == .problem }
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let report = Report(isGood: problem == nil, findings: findings)
            Terminal.result(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            for finding in findings {
                let stage = finding.stage.padding(toLength: 11, withPad: " ", startingAt: 0)
                Terminal.result("\(Self.mark(finding.verdict))  \(stage) \(finding.sentence)")
            }
        }
        guard let problem else { return }
        throw CommandFailure(status: .unreachable, sentence: "the sound stops at the \(problem.stage)")
    }

    private static func mark(_ verdict: Finding.Verdict) -> String {
        switch verdict {
        case .good: "ok     "
        case .warning: "warning"
        case .problem: "PROBLEM"
        }
    }
}

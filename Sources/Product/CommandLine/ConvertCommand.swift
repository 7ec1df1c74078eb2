import ArgumentParser
import Foundation
import VoiceAudioFile
import VoiceConversion
import VoiceKit

struct ConvertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert recordings to another voice.",
        discussion: """
            Reads whatever libsndfile reads (WAV, RF64, FLAC, Ogg Vorbis and Opus, MP3, AIFF, …) and writes a mono
            file of the same length and rate. Several channels are averaged into one before conversion.
            Without a key and without --relay, conversion happens on this machine.

            A result appears under its name only when it is whole; Ctrl-C leaves nothing behind.

            Exit codes: \(ExitStatus.summary)
            """)

    @Argument(
        help: ArgumentHelp("Sound files, folders of them, or - for standard input.", valueName: "input"),
        completion: .file())
    var inputs: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("The voice; see quota-voice voices.", valueName: "name"))
    var voice = "rachel"

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Result file, or folder for several. Default: INPUT.VOICE.wav beside the input.", valueName: "path"),
        completion: .file())
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Format of the results: \(AudioFileFormat.names). Default: by the ending of -o, else wav.",
            valueName: "format"), completion: .list(AudioFileFormat.allCases.map(\.rawValue)))
    var format: AudioFileFormat?

    @Option(help: ArgumentHelp("Sample rate of the results. Default: the input's.", valueName: "hertz"))
    var rate: Int?

    @Flag(help: "Replace results that exist.")
    var force = false

    @Option(help: ArgumentHelp("Files converted at once.", valueName: "count"))
    var jobs = 2

    @Flag(help: "Print one JSON object a file on standard output.")
    var json = false

    @Flag(help: "Print errors only.")
    var quiet = false

    @OptionGroup(title: "Where to convert")
    var relay: RelayOptions

    func validate() throws {
        guard !inputs.isEmpty else { throw ValidationError("Give at least one sound file.") }
        guard inputs.count(where: { $0 == "-" }) <= 1 else {
            throw ValidationError("Standard input (-) can be read only once.")
        }
        guard (1...32).contains(jobs) else { throw ValidationError("--jobs takes 1 to 32.") }
        if let rate, !(4_000...384_000).contains(rate) {
            throw ValidationError("--rate takes 4000 to 384000 hertz.")
        }
    }

    func run() async throws {
        let remote = try await relay.resolveWithSignIn()
        if remote == nil { try checkLocalVoice() }
        let plan = try ConvertPlan(inputs: inputs, output: output, format: format, voice: voice)
        let interrupt = Interrupt()
        let batch = ConvertBatch(
            items: plan.items, settings: ConvertJob.Settings(voice: voice, rate: rate, replaces: force), jobs: jobs,
            view: ConvertView(count: plan.items.count, style: json ? .json : quiet ? .quiet : .people))
        await interrupt.start { batch.cancel() }
        let statuses: [ExitStatus]
        if let remote {
            let endpoint = RelayEndpoint(
                base: remote.url, token: remote.token, caFile: relay.caFile, allowsInsecure: relay.insecure)
            let cost =
                quiet || json
                ? nil : await BatchCost.announce(plan.items, remote: remote, allowsInsecure: relay.insecure)
            statuses = await batch.run(through: endpoint)
            await cost?.conclude()
        } else {
            if !quiet, !json, !relay.local {
                Terminal.note("No API key: converting on this machine (--relay URL for a relay, --local to say so).")
            }
            let local = try await LocalRelay.start(sessions: jobs)
            statuses = await batch.run(through: local.endpoint)
            await local.stop()
        }
        if let status = interrupt.status { throw ExitCode(status.rawValue) }
        let failures = Set(statuses.filter { $0 != .success })
        guard let first = failures.first else { return }
        throw ExitCode((failures.count == 1 ? first : .several).rawValue)
    }

    /// A relay has voices of its own; of this machine's we know.
    private func checkLocalVoice() throws {
        guard VoiceCatalog.voice(named: voice) == nil else { return }
        let near = VoiceCatalog.nearestNames(to: voice).prefix(3).joined(separator: ", ")
        let hint = near.isEmpty ? "" : "did you mean \(near)? "
        throw CommandFailure(
            status: .usage, sentence: "no voice is called \(voice); \(hint)quota-voice voices lists all")
    }
}

extension AudioFileFormat: ExpressibleByArgument {}

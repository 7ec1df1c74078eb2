import ArgumentParser
import Foundation
import Synchronization
import VoiceConversion
import VoiceKit

struct VoicesAuditionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audition", abstract: "Render a recording in every voice, with a page to listen and compare.",
        discussion: """
            Writes the recording and one WAV a voice, their spectrograms, and index.html with players and pitch tracks. \
            The folder can be moved as a whole.
            """)

    @Argument(help: ArgumentHelp("The recording.", valueName: "file"), completion: .file())
    var file: String

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The folder. Default: FILE's name with -voices.", valueName: "folder"))
    var output: String?

    @Flag(help: "Write into a folder that holds an audition already.")
    var force = false

    func validate() throws {
        guard file != "-" else {
            throw ValidationError("The recording is read several times: give a file, not standard input (-).")
        }
    }

    func run() async throws {
        let original = try SpeechReader.samples(file)
        let folder = output ?? ((file as NSString).deletingPathExtension + "-voices")
        let page = "\(folder)/index.html"
        guard force || !FileManager.default.fileExists(atPath: page) else {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(page): exists already; give --force, or another folder with -o")
        }
        let isNew = !FileManager.default.fileExists(atPath: folder)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(folder): the folder can't be made; choose another with -o")
        }
        let interrupt = Interrupt()
        let running = RunningConversion()
        await interrupt.start { running.cancel() }
        do {
            let html = try await render(original, into: folder, running, interrupt)
            try Data(html.text.utf8).write(to: URL(fileURLWithPath: page), options: .atomic)
        } catch {
            // Half an audition is of no use, and in the way of the next.
            if isNew { try? FileManager.default.removeItem(atPath: folder) }
            if let status = interrupt.status { throw ExitCode(status.rawValue) }
            throw error
        }
        Terminal.result(page)
    }

    private func render(
        _ original: [Float], into folder: String, _ running: RunningConversion, _ interrupt: Interrupt
    ) async throws -> AuditionPage {
        var html = AuditionPage(title: (file as NSString).lastPathComponent)
        for stem in ["original"] + VoiceLibrary().all.map(Self.stem) {
            guard Self.place("\(folder)/\(stem).wav") != Self.place(file) else {
                throw CommandFailure(
                    status: .usage, sentence: "\(file): would be overwritten; choose another folder with -o")
            }
        }
        try copy(to: "\(folder)/original.wav")
        try html.add(name: "original", summary: "Before.", file: "original", samples: original, folder: folder)
        for voice in VoiceLibrary().all {
            if let status = interrupt.status { throw ExitCode(status.rawValue) }
            let stem = Self.stem(voice)
            let sound = "\(folder)/\(stem).wav"
            try await convert(voice, to: sound, running)
            try html.add(
                name: voice.name, summary: voice.summary, file: stem, samples: SpeechReader.samples(sound),
                folder: folder)
            if Terminal.errorIsTerminal { Terminal.status(voice.name) }
        }
        if Terminal.errorIsTerminal { Terminal.status("") }
        return html
    }

    /// A voice's files; none has an underscore in its name.
    private static func stem(_ voice: Voice) -> String {
        voice.name == "original" ? "original_voice" : voice.name
    }

    private static func place(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }

    /// The original beside the voices, so that the folder can be moved: as they are, mono and WAV.
    private func copy(to sound: String) throws {
        let source = try FileSource(path: file)
        let sink = try FileSink(
            item: ConvertPlan.Item(input: file, output: sound, format: .wav), sampleRate: source.sampleRate,
            frames: source.frames, replaces: true)
        defer { sink.discard() }
        var block = [Float](repeating: 0, count: 4096)
        while true {
            let count = try block.withUnsafeMutableBufferPointer { try source.read(into: $0) }
            guard count > 0 else { break }
            try block[..<count].withUnsafeBufferPointer { try sink.write($0) }
        }
        try sink.commit()
    }

    private func convert(_ voice: Voice, to sound: String, _ running: RunningConversion) async throws {
        let conversion = LocalConversion(voice: voice)
        running.begin(conversion)
        let job = ConvertJob(
            item: ConvertPlan.Item(input: file, output: sound, format: .wav),
            settings: ConvertJob.Settings(
                voice: voice.name, rate: nil, replaces: true, isPaid: false, cleanUp: CleanUpSettings()),
            conversion: conversion)
        let outcome = await ConvertBatch.onThread { job.run(ConversionProgress()) }
        if let sentence = outcome.sentence { throw CommandFailure(status: outcome.status, sentence: sentence) }
    }
}

/// The conversion that a signal has to stop.
private final class RunningConversion: Sendable {
    private struct State {
        var current: LocalConversion?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// Begins the next one; it stops at once when the signal came before.
    func begin(_ conversion: LocalConversion) {
        let isCancelled = state.withLock { state in
            state.current = conversion
            return state.isCancelled
        }
        if isCancelled { conversion.cancel() }
    }

    func cancel() {
        let current = state.withLock { state in
            state.isCancelled = true
            return state.current
        }
        current?.cancel()
    }
}

import ArgumentParser
import Foundation
import VoiceConversion

struct VoicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "voices", abstract: "List the voices of this machine.")

    @Flag(help: "Print a JSON array for programs.")
    var json = false

    func run() throws {
        guard !json else {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let rows = VoiceCatalog.all.map { ["name": $0.name, "summary": $0.summary] }
            Terminal.result(String(decoding: try encoder.encode(rows), as: UTF8.self))
            return
        }
        let width = VoiceCatalog.all.map(\.name.count).max() ?? 0
        for voice in VoiceCatalog.all {
            let gap = String(repeating: " ", count: width - voice.name.count + 2)
            Terminal.result(voice.name + gap + voice.summary)
        }
    }
}

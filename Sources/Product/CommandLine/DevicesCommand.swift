import ArgumentParser
import Foundation
import VoiceALSADevice
import VoiceSignal

struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "List microphones and speakers, by the names that live takes.",
        discussion: "The device marked * is used when none is named. Any part of a name or description will do.")

    @Flag(help: "Print a JSON array for programs.")
    var json = false

    @Flag(help: "List also the devices that can't be opened now, and why.")
    var all = false

    private struct Row: Encodable {
        let name: String
        let summary: String
        let direction: String
        let isDefault: Bool
        let sampleRates: [Int]?
        let channels: [Int]?
        let formats: [String]?
        let access: [String]?
        let periodFrames: [Int]?
        let problem: String?

        init(_ device: SoundDeviceInfo) {
            name = device.name
            summary = device.summary
            direction = device.direction.rawValue
            isDefault = device.isDefault
            let capabilities = device.capabilities
            sampleRates = capabilities.map { [$0.sampleRates.lowerBound, $0.sampleRates.upperBound] }
            channels = capabilities.map { [$0.channels.lowerBound, $0.channels.upperBound] }
            formats = capabilities?.formats.map(\.shortName)
            access = capabilities?.accesses.map(\.rawValue)
            periodFrames = capabilities.map { [$0.periodFrames.lowerBound, $0.periodFrames.upperBound] }
            problem = device.problem?.description
        }
    }

    func run() throws {
        let lists = DeviceDirection.allCases.map { direction in
            (direction, SoundDevices.list(direction).filter { all || json || $0.isWorthShowing })
        }
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let rows = lists.flatMap { $0.1 }.map(Row.init)
            return Terminal.result(String(decoding: try encoder.encode(rows), as: UTF8.self))
        }
        for (direction, devices) in lists {
            Terminal.result(direction == .capture ? "Microphones" : "Speakers")
            for device in devices { Terminal.result(Self.line(device)) }
            if devices.isEmpty {
                Terminal.result("  none; plug one in or start PipeWire or PulseAudio (--all says what was tried)")
            }
        }
    }

    private static func line(_ device: SoundDeviceInfo) -> String {
        let mark = device.isDefault ? "*" : " "
        let summary = device.summary.isEmpty ? "" : "  \(device.summary)"
        var lines = "\(mark) \(device.name)\(summary)"
        if let capabilities = device.capabilities {
            lines += "\n    \(describe(capabilities.sampleRates)) Hz, \(describe(capabilities.channels)) channels"
            let formats = capabilities.formats.map(\.shortName).joined(separator: " ")
            lines += ", \(formats.isEmpty ? "converted" : formats)"
        } else if let problem = device.problem {
            lines += "\n    \(problem)"
        }
        return lines
    }

    private static func describe(_ range: ClosedRange<Int>) -> String {
        range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
}

extension SoundDeviceInfo {
    /// False for names of sound systems that don't run here and of cards that aren't there.
    fileprivate var isWorthShowing: Bool {
        guard let problem else { return true }
        return [.busy, .noPermission, .unresponsive].contains(problem.cause)
    }
}

extension SampleFormat {
    /// As ALSA and people write it.
    var shortName: String {
        switch self {
        case .s16: "s16"
        case .s24: "s24_3"
        case .s24in32: "s24"
        case .s32: "s32"
        case .float32: "float"
        }
    }
}

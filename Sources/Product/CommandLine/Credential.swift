import ArgumentParser
import Foundation
import VoiceKit
import VoiceRelay

/// Which relay converts, and with whose key.
struct RelayOptions: ParsableArguments {
    @Flag(help: "Convert with the voices of this machine: no account, no network.")
    var local = false

    @Option(help: ArgumentHelp("Convert through this relay, for example wss://api.usequota.ai.", valueName: "url"))
    var relay: String?

    @Option(
        help: ArgumentHelp(
            "Read the API key from the first line of this file; else QUOTA_API_KEY is used.", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Option(help: ArgumentHelp("Trust the certificates of this PEM file too.", valueName: "file"), completion: .file())
    var caFile: String?

    @Option(
        help: ArgumentHelp(
            "Sound on the way to the relay and back: pcm, or opus with a tenth of the bandwidth where the relay has it.",
            valueName: "format"))
    var wire = RelayWire.pcm

    @Flag(help: "Allow ws:// to other machines: the key and the voice go unencrypted.")
    var insecure = false

    func validate() throws {
        if local, relay != nil { throw ValidationError("--local and --relay exclude each other; give one.") }
    }

    /// Where conversion happens. `nil` stands for this machine.
    struct Remote {
        let url: String
        let token: String
        /// Of a sign-in, whose tokens end within the hour.
        var tokens: RelayTokens?
    }

    static let defaultBaseURL = "https://api.usequota.ai"

    /// Decides between relay and this machine. Never puts the key into a message.
    func resolve(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Remote? {
        if local { return nil }
        let token = try Self.token(file: tokenFile, environment: environment)
        let base = environment["QUOTA_BASE_URL"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultBaseURL
        guard let token else {
            guard let relay else { return nil }
            throw CommandFailure(
                status: .noPermission,
                sentence: "\(relay): no API key; put it into a file for --token-file, or into QUOTA_API_KEY")
        }
        return Remote(url: relay ?? base, token: token)
    }

    /// The secret of a file's first line, else of an environment variable; `nil` where there is neither.
    static func token(
        file tokenFile: String?, variable: String = "QUOTA_API_KEY",
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> String? {
        QuotaAccess.keepSecrets()
        guard let tokenFile else {
            return environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        }
        guard let text = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
            throw CommandFailure(
                status: .noInput,
                sentence: "\(tokenFile): the token file can't be read; check the name and its permissions")
        }
        let line = text.split(whereSeparator: \.isNewline).first?.trimmingCharacters(in: .whitespaces) ?? ""
        guard !line.isEmpty, !line.contains(where: \.isWhitespace) else {
            throw CommandFailure(
                status: .noPermission, sentence: "\(tokenFile): no API key on its first line; put the key there, alone")
        }
        return line
    }
}

extension RelayWire: ExpressibleByArgument {}

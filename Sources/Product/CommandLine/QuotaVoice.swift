import ArgumentParser
import VoiceAudioFile

@main
struct QuotaVoice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota-voice",
        abstract: "Change voices: recordings through Quota's relay, or through the voices that live on this machine.",
        discussion: """
            Try it without an account:
              quota-voice convert speech.wav --voice rachel
            gives speech.rachel.wav, the same words in another voice.

            Exit codes: \(ExitStatus.summary)
            """,
        version: "quota-voice \(version)",
        subcommands: [
            ConvertCommand.self, LiveCommand.self, CtlCommand.self, VoicesCommand.self, ServeCommand.self,
            LoginCommand.self, LogoutCommand.self,
            WhoamiCommand.self, BalanceCommand.self, PackagesCommand.self, TopupCommand.self, ChatCommand.self,
            ModelsCommand.self, WebhookCommand.self, DevicesCommand.self, DoctorCommand.self,
        ])

    static let version = "0.1.0"

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Terminal.error(failure.sentence)
            exit(withError: ExitCode(failure.status.rawValue))
        } catch let error as AudioFileError {
            Terminal.error(error.description)
            exit(withError: ExitCode(ExitStatus(error.cause).rawValue))
        } catch {
            exit(withError: error)
        }
    }
}

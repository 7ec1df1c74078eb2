import ArgumentParser
import Foundation
import QuotaAPI

struct WebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook", abstract: "Check deliveries of webhooks.", subcommands: [WebhookVerifyCommand.self])
}

struct WebhookVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check the signature of a delivery.",
        discussion: """
            Exit code 0: the signature is good; 65: it is not. The secret (whsec_…) comes from --secret-file or \
            QUOTA_WEBHOOK_SECRET, never from the command line.
            """)

    @Argument(help: ArgumentHelp("The raw body, or - for standard input.", valueName: "file"), completion: .file())
    var body = "-"

    @Option(help: ArgumentHelp("The X-Quota-Signature header.", valueName: "hex"))
    var signature: String

    @Option(help: ArgumentHelp("The secret is the first line of this file.", valueName: "file"), completion: .file())
    var secretFile: String?

    @Flag(help: "Print a JSON object.")
    var json = false

    private static let bytesMax = 16 << 20

    private struct Report: Encodable {
        var valid: Bool
        var id: String?
        var type: String?
    }

    func run() async throws {
        guard let secret = try RelayOptions.token(file: secretFile, variable: "QUOTA_WEBHOOK_SECRET") else {
            throw CommandFailure(
                status: .noPermission, sentence: "no secret; put it into a --secret-file, or into QUOTA_WEBHOOK_SECRET")
        }
        let bytes = try read()
        guard verifyWebhookSignature(payload: bytes, signature: signature, secret: secret) else {
            if json { try QuotaAccess.print(json: Report(valid: false)) }
            throw CommandFailure(status: .badInput, sentence: "the signature is not that of this body and secret")
        }
        let event = try? parseWebhook(payload: bytes, signature: signature, secret: secret)
        if json { return try QuotaAccess.print(json: Report(valid: true, id: event?.id, type: event?.type.rawValue)) }
        Terminal.result("good: " + QuotaAccess.plain(event.map { "\($0.type) \($0.id)" } ?? "signed, but not an event"))
    }

    private func read() throws -> Data {
        let handle = body == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: body)
        // At the end of the file, `read` gives nil: an empty body.
        guard let handle, let bytes = try? handle.read(upToCount: Self.bytesMax + 1) ?? Data() else {
            throw CommandFailure(status: .noInput, sentence: "\(body): can't be read; check the name")
        }
        guard bytes.count <= Self.bytesMax else {
            throw CommandFailure(status: .badInput, sentence: "\(body): larger than any delivery")
        }
        return bytes
    }
}

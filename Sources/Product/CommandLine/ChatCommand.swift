import ArgumentParser
import Foundation
import QuotaAPI

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Ask a model, paid by the wallet.")

    @Argument(help: ArgumentHelp("What to ask, or - to read it from standard input.", valueName: "text"))
    var text: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The model (see quota-voice models); else QUOTA_CHAT_MODEL, else \(QuotaAssumptions.chatModel).",
            valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Said before the question.", valueName: "text"))
    var system: String?

    @OptionGroup var access: QuotaAccess

    func run() async throws {
        try await QuotaAccess.reporting {
            let client = try await access.client()
            var messages: [ChatMessage] = []
            if let system { messages.append(ChatMessage(.system, system)) }
            messages.append(ChatMessage(.user, try question()))
            let chosen = model ?? QuotaAccess.setting("QUOTA_CHAT_MODEL") ?? QuotaAssumptions.chatModel
            let request = ChatRequest(model: chosen, messages: messages)
            guard !access.json else { return try QuotaAccess.print(json: try await client.chat(request)) }
            var bill: QuotaBill?
            for try await chunk in try await client.chatStream(request) {
                Terminal.piece(chunk.text)
                bill = chunk.quota ?? bill
            }
            Terminal.piece("\n")
            if let used = bill?.creditsUsed {
                let rest = bill?.balanceAfter.map { ", \(formatCredits($0)) left" } ?? ""
                Terminal.note("\(formatCredits(used))\(rest)")
            }
        }
    }

    private func question() throws -> String {
        guard text == "-" else { return text }
        let bytes = try FileHandle.standardInput.read(upToCount: 4 << 20) ?? Data()
        guard let text = String(data: bytes, encoding: .utf8), !text.isEmpty else {
            throw CommandFailure(status: .noInput, sentence: "standard input: no text in UTF-8 there")
        }
        return text
    }
}

import ArgumentParser
import Foundation
import QuotaAPI

struct TopupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topup", abstract: "Buy credits: opens the checkout and waits for them.")

    @Argument(help: ArgumentHelp("Which; see quota-voice packages.", valueName: "package"))
    var package: String

    @Flag(help: "Don't open a browser; only show the address.")
    var noBrowser = false

    @Flag(help: "Don't wait for the credits.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait so long at most.", valueName: "seconds"))
    var timeout = 900

    @Option(help: ArgumentHelp("Where the browser goes when it is paid; else a page of the server.", valueName: "url"))
    var successURL: String?

    @Option(help: ArgumentHelp("Where the browser goes when it is not; else a page of the server.", valueName: "url"))
    var cancelURL: String?

    @Option(
        help: ArgumentHelp(
            "The field of the checkout's request that names the package, should the server call it otherwise.",
            valueName: "name"))
    var packageField = QuotaAssumptions.checkoutPackageField

    @OptionGroup var access: QuotaAccess

    private struct Report: Encodable {
        var url: String
        var balanceBefore: Int?
        var balanceAfter: Int?
    }

    func validate() throws {
        guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout takes 1 to 86400 seconds.") }
    }

    func run() async throws {
        try await QuotaAccess.reporting {
            let client = try await access.client { $0.checkoutPackageField = packageField }
            let packages = try await client.getPackages()
            guard packages.contains(where: { $0.id == package }) else {
                let names = packages.map { QuotaAccess.plain($0.id) }.joined(separator: ", ")
                throw CommandFailure(status: .usage, sentence: "no package is called \(package); there are: \(names)")
            }
            let before = try await client.getBalance().balance
            let base = access.resolvedBaseURL
            let checkout = try await client.createCheckout(
                packageID: package, successURL: successURL ?? base + QuotaAssumptions.checkoutSuccessPath,
                cancelURL: cancelURL ?? base + QuotaAssumptions.checkoutCancelPath)
            guard checkout.url.hasPrefix("https://") || checkout.url.hasPrefix("http://") else {
                throw CommandFailure(status: .protocolError, sentence: "the server's checkout is not a web page")
            }
            Terminal.note("Pay at:\n\n  \(QuotaAccess.plain(checkout.url))\n")
            if !noBrowser { _ = await Browser.open(checkout.url) }
            var report = Report(url: checkout.url, balanceBefore: before)
            if !noWait {
                Terminal.note("Waiting for the credits (Ctrl-C to stop waiting; the payment is not affected) …")
                report.balanceAfter = try await wait(client, moreThan: before)
            }
            if access.json { return try QuotaAccess.print(json: report) }
            if let after = report.balanceAfter { Terminal.result("balance: \(formatCredits(after))") }
        }
    }

    private func wait(_ client: QuotaClient, moreThan before: Int?) async throws -> Int {
        let end = ContinuousClock.now.advanced(by: .seconds(timeout))
        while ContinuousClock.now < end {
            try await Task.sleep(for: .seconds(2))
            do {
                if let now = try await client.getBalance().balance, now > (before ?? Int.min) { return now }
            } catch QuotaError.transport {
                // The network may come and go while someone pays.
            }
        }
        throw CommandFailure(
            status: .tryAgain, sentence: "no credits came within \(timeout) s; see quota-voice balance later")
    }
}

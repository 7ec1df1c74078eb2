import Foundation
import ProcessSupport
import Testing

/// Browsers and apps as they are: Chromium clicks, the examples run.
@Suite(.boundedCrowd) struct BrowserTests {
    /// The set-up installs it on Debian; Ubuntu has Chromium as a snap alone, which containers can't run.
    private static let hasChromium = FileManager.default.isExecutableFile(atPath: "/usr/bin/chromedriver")

    @Test(.enabled(if: Self.hasChromium)) func chromiumSignsInAllowsAndPays() async throws {
        let pictures = try Scratch()
        let result = try await Command.run(
            "\(Provider.folder)/chromium.sh", [Checkout.binary, pictures.path, "small"], within: 300)
        #expect(result.output == "ok\n", "\(result.errors)")
        #expect(pictures.files.filter { $0.hasSuffix(".png") }.count >= 10, "\(pictures.files)")
    }

    @Test(arguments: [("sign_in", "SignInWithQuota"), ("connect_wallet", "ConnectQuotaWallet")])
    func theExamplesWorkUnmodified(_ name: String, _ example: String) async throws {
        let binary = (Checkout.binary as NSString).deletingLastPathComponent + "/" + example
        let result = try await Provider.run("examples.py", [try await Provider.address(), name, binary])
        #expect(result.output == "ok\n", "\(result.errors)")
    }
}

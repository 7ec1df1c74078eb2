import Foundation
import ProcessSupport
import QuotaAPI
import Testing

/// The way to a server: whose certificates count, and which proxy is gone through.
@Suite(.serialized) struct ServerReachTests {
    /// A peer that speaks TLS with a certificate of its own authority.
    private final class World {
        private let scratch: Scratch
        let certificate: String
        let peer: Peer

        init() async throws {
            let scratch = try Scratch()
            let certificate = scratch("cert.pem")
            try await Command.tool([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", "/CN=peer", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", scratch("key.pem"),
                "-out", certificate,
            ])
            self.scratch = scratch
            self.certificate = certificate
            peer = await Peer.started(
                certificate: try scratch.write("both.pem", scratch.read("cert.pem") + scratch.read("key.pem")))
        }

        func client(caFile: String?) throws -> QuotaClient {
            var options = QuotaOptions()
            options.baseURL = peer.root + "/w/1"
            options.caFile = caFile
            options.retry = .never
            return try QuotaClient(.apiKey("sk-quota-good"), options: options)
        }

        /// The command, as a process; its exit code and both its outputs.
        func command(
            _ arguments: [String], _ environment: [String: String]
        ) async throws -> (status: Int32, text: String) {
            let result = try await Command.quotaVoice(
                arguments + ["--base-url", peer.root + "/w/1"],
                environment: ["HOME": scratch.path, "QUOTA_API_KEY": "sk-quota-good"].merging(environment) { $1 })
            return (result.status, result.output + result.errors)
        }
    }

    @Test func onlyTrustedCertificatesCount() async throws {
        let world = try await World()
        let stranger = await quotaError { _ = try await world.client(caFile: nil).getMe() }
        guard case .transport(let error)? = stranger else {
            Issue.record("\(String(describing: stranger))")
            return
        }
        #expect(error.kind == .tls)
        #expect(try await !world.client(caFile: world.certificate).getMe().id.isEmpty)
        for path in ["/nonexistent.pem", "/etc/hostname"] {
            #expect(throws: QuotaConfigurationError.caFile(path)) { _ = try world.client(caFile: path) }
        }
    }

    /// By the command, whose environment is its own.
    @Test func theEnvironmentsProxyIsGoneThrough() async throws {
        let world = try await World()
        let proxy = try RunningProcess(
            Checkout.python, ["\(Checkout.root)/Tests/SecureStreamTests/connect_proxy.py"])
        try await proxy.wait(for: "the proxy's port") { proxy.outputSoFar.hasSuffix("\n") }
        let number = try #require(proxy.outputSoFar.split(whereSeparator: \.isWhitespace).last)
        let setting = ["HTTPS_PROXY": "http://user:secret%20word@127.0.0.1:\(number)"]
        let through = try await world.command(["balance", "--ca-file", world.certificate], setting)
        #expect(through.status == 0, "\(through.text)")
        #expect(!through.text.contains("secret"))
        let direct = try await world.command(
            ["balance", "--ca-file", world.certificate], setting.merging(["NO_PROXY": "127.0.0.1"]) { $1 })
        #expect(direct.text == through.text)
        // It notes a request before it does anything for it.
        let log = proxy.outputSoFar
        let lines = log.split(separator: "\n").dropFirst()
        #expect(lines.count == 1, "\(log)")
        #expect(lines.first?.contains("CONNECT 127.0.0.1:") == true, "\(log)")
        #expect(log.contains("dXNlcjpzZWNyZXQgd29yZA=="), "\(log)")

        let wrong = try await world.command(["balance"], ["HTTPS_PROXY": "socks5://127.0.0.1:1"])
        #expect(wrong.status == 64)
        #expect(wrong.text.contains("socks5"))
        let missing = try await world.command(["balance", "--ca-file", "/nonexistent.pem"], [:])
        #expect(missing.status == 64)
        #expect(missing.text.contains("/nonexistent.pem"))
    }
}

import Foundation
import ProcessSupport
import QuotaAPI
import Testing

/// The way to a server: whose certificates count, and which proxy is gone through.
@Suite(.serialized) struct ServerReachTests {
    /// A peer that speaks TLS with a certificate of its own authority, and a folder that is gone with this object.
    private final class World {
        let folder: String
        let certificate: String
        let peer: Peer

        init() throws {
            let folder = NSTemporaryDirectory() + "quota-reach-\(UUID().uuidString)"
            self.folder = folder
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            certificate = folder + "/cert.pem"
            let maker = ChildProcess()
            maker.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            maker.arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=peer", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/key.pem", "-out",
                certificate,
            ]
            maker.standardError = FileHandle.nullDevice
            try maker.run()
            maker.waitUntilExit()
            let both = folder + "/both.pem"
            let parts = try ["cert", "key"].map { try String(contentsOfFile: "\(folder)/\($0).pem", encoding: .utf8) }
            try parts.joined().write(toFile: both, atomically: true, encoding: .utf8)
            peer = Peer(certificate: both)
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func client(caFile: String?) throws -> QuotaClient {
            var options = QuotaOptions()
            options.baseURL = peer.root + "/w/1"
            options.caFile = caFile
            options.retry = .never
            return try QuotaClient(.apiKey("sk-quota-good"), options: options)
        }

        /// The command, as a process; its exit code and both its outputs.
        func command(_ arguments: [String], _ environment: [String: String]) throws -> (status: Int32, text: String) {
            let process = ChildProcess()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
                .deletingLastPathComponent().appendingPathComponent("quota-voice")
            process.arguments = arguments + ["--base-url", peer.root + "/w/1"]
            process.environment = ["HOME": folder, "QUOTA_API_KEY": "sk-quota-good"].merging(environment) { $1 }
            process.standardInput = FileHandle.nullDevice
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func onlyTrustedCertificatesCount() async throws {
        let world = try World()
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
    @Test func theEnvironmentsProxyIsGoneThrough() throws {
        let world = try World()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("SecureStreamTests/connect_proxy.py").path
        let proxy = ChildProcess()
        proxy.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        proxy.arguments = [script]
        let (lifeline, output) = (Pipe(), Pipe())
        proxy.standardInput = lifeline
        proxy.standardOutput = output
        try proxy.run()
        let reader = output.fileHandleForReading
        var port = Data()
        while let byte = try reader.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) { port += byte }
        let number = try #require(String(decoding: port, as: UTF8.self).split(separator: " ").last)
        let setting = ["HTTPS_PROXY": "http://user:secret%20word@127.0.0.1:\(number)"]
        let through = try world.command(["balance", "--ca-file", world.certificate], setting)
        #expect(through.status == 0, "\(through.text)")
        #expect(!through.text.contains("secret"))
        let direct = try world.command(
            ["balance", "--ca-file", world.certificate], setting.merging(["NO_PROXY": "127.0.0.1"]) { $1 })
        #expect(direct.text == through.text)
        try lifeline.fileHandleForWriting.close()
        let log = String(decoding: try reader.readToEnd() ?? Data(), as: UTF8.self)
        proxy.waitUntilExit()
        let lines = log.split(separator: "\n")
        #expect(lines.count == 1, "\(log)")
        #expect(lines.first?.contains("CONNECT 127.0.0.1:") == true, "\(log)")
        #expect(log.contains("dXNlcjpzZWNyZXQgd29yZA=="), "\(log)")

        let wrong = try world.command(["balance"], ["HTTPS_PROXY": "socks5://127.0.0.1:1"])
        #expect(wrong.status == 64)
        #expect(wrong.text.contains("socks5"))
        let missing = try world.command(["balance", "--ca-file", "/nonexistent.pem"], [:])
        #expect(missing.status == 64)
        #expect(missing.text.contains("/nonexistent.pem"))
    }
}

import Foundation
import ProcessSupport
import Synchronization

/// A certificate authority made by the `openssl` command in a folder of its own.
final class TestAuthority: Sendable {
    enum Key: String {
        case ec, rsa1024, rsa2048
    }

    struct Certificate: Sendable {
        let certFile: String
        let keyFile: String
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The authority that the tests trust, and one that they don't. Their folders go when the process ends.
    static let trusted = Result { try TestAuthority("Test CA") }
    static let unknown = Result { try TestAuthority("Other CA") }

    let folder: String
    var caFile: String { folder + "/ca.pem" }
    /// Counts what was issued, and guards the files of `openssl ca`, which bears no second process beside it.
    private let issued = Mutex(0)

    init(_ name: String, parent: TestAuthority? = nil) throws {
        folder = NSTemporaryDirectory() + "stream-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        TestFolders.removeAtExit(folder)
        try "".write(toFile: folder + "/index.txt", atomically: false, encoding: .utf8)
        try "1000\n".write(toFile: folder + "/serial", atomically: false, encoding: .utf8)
        try Self.configuration(folder).write(toFile: folder + "/ca.cnf", atomically: false, encoding: .utf8)
        try Self.openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=\(name)", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout", folder + "/ca.key", "-out", caFile,
        ])
    }

    /// Issues a server certificate for the names (`DNS:…`, `IP:…`), valid for the days given, relative to now.
    func issue(
        names: [String], commonName: String = "server", key: Key = .ec, digest: String = "sha256",
        validDays: ClosedRange<Int> = -1...30, extensions: [String] = []
    ) throws -> Certificate {
        let number = issued.withLock { value in
            value += 1
            return value
        }
        let base = "\(folder)/\(number)"
        let algorithm =
            switch key {
            case .ec: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            case .rsa1024: ["rsa:1024"]
            case .rsa2048: ["rsa:2048"]
            }
        try Self.openssl(
            ["req", "-new", "-newkey"] + algorithm + [
                "-nodes", "-subj", "/CN=\(commonName)", "-keyout", base + ".key", "-out", base + ".csr",
            ])
        var lines = extensions
        if !names.isEmpty { lines.append("subjectAltName=" + names.joined(separator: ",")) }
        lines.append("keyUsage=critical,digitalSignature,keyEncipherment")
        try lines.joined(separator: "\n").write(toFile: base + ".ext", atomically: false, encoding: .utf8)
        try issued.withLock { _ in
            try Self.openssl([
                "ca", "-batch", "-notext", "-config", folder + "/ca.cnf", "-md", digest, "-extfile", base + ".ext",
                "-startdate", Self.date(validDays.lowerBound), "-enddate", Self.date(validDays.upperBound),
                "-in", base + ".csr", "-out", base + ".pem",
            ])
        }
        return Certificate(certFile: base + ".pem", keyFile: base + ".key")
    }

    /// Revokes a certificate of this authority.
    func revoke(_ certificate: Certificate) throws {
        try issued.withLock { _ in
            try Self.openssl(["ca", "-config", folder + "/ca.cnf", "-revoke", certificate.certFile])
        }
    }

    /// Writes the list of what is revoked now, valid for the days given; a negative count makes a list out of date.
    func list(validDays: Int = 10) throws -> String {
        let file = "\(folder)/\(UUID().uuidString).crl"
        try issued.withLock { _ in
            try Self.openssl([
                "ca", "-config", folder + "/ca.cnf", "-gencrl", "-crl_lastupdate", Self.date(validDays - 20),
                "-crl_nextupdate", Self.date(validDays), "-out", file,
            ])
        }
        return file
    }

    /// A certificate that signs itself.
    static func selfSigned(name: String) throws -> Certificate {
        let base = try TestFolders.make() + "/self"
        try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", base + ".key",
            "-out", base + ".pem",
        ])
        return Certificate(certFile: base + ".pem", keyFile: base + ".key")
    }

    /// A certificate signed by the key of one that is no authority, with the signer's in the same file.
    static func signed(by signer: Certificate, name: String) throws -> Certificate {
        let base = try TestFolders.make() + "/signed"
        try "subjectAltName=DNS:\(name)\n".write(toFile: base + ".ext", atomically: false, encoding: .utf8)
        try openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)",
            "-keyout", base + ".key", "-out", base + ".csr",
        ])
        try openssl([
            "x509", "-req", "-in", base + ".csr", "-CA", signer.certFile, "-CAkey", signer.keyFile, "-days", "10",
            "-set_serial", "4242", "-extfile", base + ".ext", "-out", base + ".leaf",
        ])
        let chain =
            try String(contentsOfFile: base + ".leaf", encoding: .utf8)
            + String(contentsOfFile: signer.certFile, encoding: .utf8)
        try chain.write(toFile: base + ".pem", atomically: false, encoding: .utf8)
        return Certificate(certFile: base + ".pem", keyFile: base + ".key")
    }

    /// The SHA-256 of a certificate's public key in base64, by the recipe of RFC 7469 appendix A.
    static func pin(_ certFile: String) throws -> String {
        try shell(
            "openssl x509 -in '\(certFile)' -noout -pubkey | openssl pkey -pubin -outform der"
                + " | openssl dgst -sha256 -binary | openssl base64 -A")
    }

    private static func date(_ days: Int) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyyMMddHHmmss'Z'"
        return formatter.string(from: Date(timeIntervalSinceNow: Double(days) * 86400))
    }

    private static func configuration(_ folder: String) -> String {
        """
        [ca]
        default_ca = authority
        [authority]
        database = \(folder)/index.txt
        serial = \(folder)/serial
        new_certs_dir = \(folder)
        certificate = \(folder)/ca.pem
        private_key = \(folder)/ca.key
        default_md = sha256
        unique_subject = no
        policy = any
        [any]
        commonName = supplied
        """
    }

    private static func openssl(_ arguments: [String]) throws {
        try run("openssl", arguments)
    }

    private static func shell(_ script: String) throws -> String {
        try run("sh", ["-c", script])
    }

    @discardableResult
    private static func run(_ command: String, _ arguments: [String]) throws -> String {
        let process = ChildProcess()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(command) \(arguments.joined(separator: " ")): \(text)")
        }
        return text
    }
}

/// Folders that last as long as the test process.
enum TestFolders {
    private static let folders = Mutex<[String]>([])
    private static let registration: Void = {
        atexit { TestFolders.removeAll() }
    }()

    static func make() throws -> String {
        let folder = NSTemporaryDirectory() + "stream-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        removeAtExit(folder)
        return folder
    }

    static func removeAtExit(_ folder: String) {
        _ = registration
        folders.withLock { $0.append(folder) }
    }

    private static func removeAll() {
        for folder in folders.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: folder) }
    }
}

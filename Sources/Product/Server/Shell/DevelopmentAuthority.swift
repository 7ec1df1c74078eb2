import Crypto
import Foundation
import NIOCore
import SwiftASN1
import X509

/// A certificate authority of this server alone, for TLS without anybody's help: made once in a folder, and a
/// certificate for the server's names at every start.
///
/// The authority may only name servers, and only its own machine has its key (0600).
package struct DevelopmentAuthority: Sendable {
    /// PEM files.
    package let authorityPath: String
    package let certificatePath: String
    package let keyPath: String

    private static let authorityDays = 3_650
    private static let certificateDays = 90

    /// - Parameter names: DNS names and IP addresses that the certificate is for.
    package init(folder: String, names: [String], now: Date = Date()) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        authorityPath = folder + "/dev-ca.pem"
        certificatePath = folder + "/dev-server.pem"
        keyPath = folder + "/dev-server.key"
        let authority = try Self.authority(at: authorityPath, key: folder + "/dev-ca.key", now: now)
        let key = P256.Signing.PrivateKey()
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
            notValidBefore: now.addingTimeInterval(-3_600),
            notValidAfter: now.addingTimeInterval(Double(Self.certificateDays) * 86_400),
            issuer: authority.certificate.subject,
            subject: try DistinguishedName { CommonName(names.first ?? "localhost") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names.map(Self.name))
                // RFC 5280 §4.2.1.1: strict verifiers want to know whose signature it is.
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: .init(authority.key.publicKey)).keyIdentifier)
            },
            issuerPrivateKey: .init(authority.key))
        let chain = try certificate.serializeAsPEM().pemString + "\n"
        try Self.write(chain, to: certificatePath, permissions: 0o644)
        try Self.write(key.pemRepresentation + "\n", to: keyPath, permissions: 0o600)
    }

    private static func name(_ text: String) -> GeneralName {
        if let address = try? SocketAddress(ipAddress: text, port: 0), let bytes = DeliveryAddress.bytes(of: address) {
            return .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
        return .dnsName(text)
    }

    /// The one in the folder while it has a year left, else a new one.
    private static func authority(
        at path: String, key keyPath: String, now: Date
    ) throws -> (certificate: Certificate, key: P256.Signing.PrivateKey) {
        if let pem = try? String(contentsOfFile: path, encoding: .utf8),
            let keyPEM = try? String(contentsOfFile: keyPath, encoding: .utf8),
            let certificate = try? Certificate(pemEncoded: pem),
            let key = try? P256.Signing.PrivateKey(pemRepresentation: keyPEM),
            certificate.notValidAfter > now.addingTimeInterval(365 * 86_400)
        {
            return (certificate, key)
        }
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName {
            CommonName("quota-voice development CA \(RandomText.make(characters: 6))")
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
            notValidBefore: now.addingTimeInterval(-3_600),
            notValidAfter: now.addingTimeInterval(Double(authorityDays) * 86_400), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
            },
            issuerPrivateKey: .init(key))
        try write(key.pemRepresentation + "\n", to: keyPath, permissions: 0o600)
        try write(try certificate.serializeAsPEM().pemString + "\n", to: path, permissions: 0o644)
        return (certificate, key)
    }

    /// Readable by whom it is for from its first byte on; takes an older file's place at once.
    private static func write(_ text: String, to path: String, permissions: Int) throws {
        let new = path + ".new"
        try? FileManager.default.removeItem(atPath: new)
        guard
            FileManager.default.createFile(
                atPath: new, contents: Data(text.utf8), attributes: [.posixPermissions: permissions]),
            rename(new, path) == 0
        else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Names by which this machine may be called: its own, loopback, and its addresses on the LAN.
    package static func namesOfThisMachine(host: String) -> [String] {
        var names = ["localhost", "127.0.0.1", "::1"]
        let own = ProcessInfo.processInfo.hostName
        let devices = (try? System.enumerateDevices()) ?? []
        for name in [host, own] + devices.compactMap({ $0.address?.ipAddress }) {
            // A link-local address comes with its zone, which no certificate holds.
            let isGood = name.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "%") }
            if isGood, !name.isEmpty, !["0.0.0.0", "::"].contains(name), !names.contains(name) { names.append(name) }
        }
        return Array(names.prefix(32))
    }
}

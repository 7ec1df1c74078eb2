import Foundation

/// A relay that is not ours (`Tests/Support/Peers/relay.py`), and what it saw of the client.
public final class PeerRelay: Sendable {
    /// What the relay does with one session; the names and defaults are relay.py's.
    public struct Case: Encodable, Sendable {
        public var delaySamples: Int?
        public var declaresDelay: Bool?
        public var features: [String]?
        public var formats: [String]?
        public var heartbeatSeconds: Double?
        public var answerBytes: Int?
        public var addsUnknown: Bool?
        public var fault: String?
        public var at: String?
        public var samples: Int?
        public var code: Int?
        public var reason: String?
        public var error: [String: String]?
        public var text: String?
        public var bytes: Int?

        public init(_ change: (inout Case) -> Void = { _ in }) { change(&self) }
    }

    /// What the relay saw.
    public struct Report: Decodable, Sendable {
        public let path: String
        public let headers: [String]
        public let auth: String
        public let texts: [String]
        public let samples: Int
        public let frameSizes: [String: Int]
        public let fullestWindow: Int?
        public let wireSeconds: Double?
        public let clientPings: Int
        public let closeCode: Int?
    }

    private struct Ports: Decodable {
        let port: Int
        let tapPort: Int
    }

    /// One relay for all tests that do not end it.
    public static var shared: PeerRelay { get async throws { try await starting.value } }
    private static let starting = Task { try await PeerRelay() }

    public let port: Int
    /// Leads to the relay past a tap that watches the rate.
    public let tapPort: Int
    public let process: RunningProcess
    private let scratch: Scratch

    /// - Parameter certificate: PEM files of a certificate and its key, for `wss`.
    public init(certificate: (chain: String, key: String)? = nil) async throws {
        scratch = try Scratch()
        var arguments = [Checkout.peer("relay.py"), scratch.path]
        if let certificate { arguments += ["--cert", certificate.chain, "--key", certificate.key] }
        process = try RunningProcess(Checkout.python, arguments)
        try await process.wait(for: "the relay's port") { [process] in process.outputSoFar.hasSuffix("\n") }
        let ports = try Self.decoder.decode(Ports.self, from: Data(process.outputSoFar.utf8))
        port = ports.port
        tapPort = ports.tapPort
    }

    public var url: String { "ws://127.0.0.1:\(port)" }

    /// Makes a key whose session goes as the case says.
    public func key(_ behaviour: Case = Case()) throws -> String {
        let name = UUID().uuidString.replacing("-", with: "")
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try scratch.write("\(name).case.json", encoder.encode(behaviour))
        return "sk-quota-test-\(name)"
    }

    /// What the relay saw of the session with this key, once it is over.
    public func report(_ key: String) async throws -> Report {
        let name = "\(key.dropFirst("sk-quota-test-".count)).report.json"
        try await process.wait(for: "the relay's report") { [scratch] in scratch.exists(name) }
        return try Self.decoder.decode(Report.self, from: scratch.read(name))
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}

import AsyncHTTPClient
import Foundation
import NIOCore
import ProcessSupport
import QuotaAPI

/// The server process that the tests talk to: `peer.py`, one for all tests of the process.
final class Peer: Sendable {
    static var shared: Peer { get async { await starting.value } }
    private static let starting = Task { await Peer.started() }

    /// Makes one on a thread of its own: it waits for the process, and Swift's threads are as few as the processors.
    static func started(certificate: String? = nil) async -> Peer {
        await withCheckedContinuation { done in
            Thread.detachNewThread { done.resume(returning: Peer(certificate: certificate)) }
        }
    }

    let root: String
    private let process: ChildProcess
    private let lifeline: Pipe

    deinit {
        kill(process.processIdentifier, SIGKILL)
    }

    /// - Parameter certificate: a PEM file of certificate and key; the peer then speaks TLS.
    private init(certificate: String?) {
        process = ChildProcess()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("peer.py").path
        process.arguments = ["python3", script] + (certificate.map { [$0] } ?? [])
        lifeline = Pipe()
        let output = Pipe()
        // It ends with this process, whatever becomes of it.
        process.standardInput = lifeline
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            preconditionFailure("python3 can't be started: \(error)")
        }
        var line = Data()
        while let byte = try? output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) {
            line += byte
        }
        root = "\(certificate == nil ? "http" : "https")://127.0.0.1:\(String(decoding: line, as: UTF8.self))"
    }

    /// A world of its own, with what goes wrong in it.
    func world(_ rules: [String: QuotaJSON] = [:], _ options: QuotaJSON = [:]) async throws -> World {
        let rules = rules.mapValues { $0.array == nil ? QuotaJSON.array([$0]) : $0 }
        let answer = try await ask("/_new", ["rules": .object(rules), "options": options])
        return World(peer: self, id: answer["id"]?.string ?? "")
    }

    func ask(_ path: String, _ body: QuotaJSON?) async throws -> QuotaJSON {
        var request = HTTPClientRequest(url: root + path)
        if let body {
            request.method = .POST
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return try JSONDecoder().decode(QuotaJSON.self, from: Data(bytes.readableBytesView))
    }
}

/// One test's own Quota.
struct World: Sendable {
    let peer: Peer
    let id: String

    var baseURL: String { "\(peer.root)/w/\(id)" }

    struct Entry {
        let endpoint: String
        let query: String
        let body: String
        let headers: [String: String]
        /// Who ended a scripted answer.
        let ended: String
    }

    func log() async throws -> [Entry] {
        try await peer.ask("/_log/\(id)", nil).array.map { entries in
            entries.map { entry in
                var headers: [String: String] = [:]
                if case .object(let fields)? = entry["headers"] { headers = fields.compactMapValues(\.string) }
                return Entry(
                    endpoint: entry["endpoint"]?.string ?? "", query: entry["query"]?.string ?? "",
                    body: entry["body"]?.string ?? "", headers: headers, ended: entry["ended"]?.string ?? "")
            }
        } ?? []
    }

    func count(_ endpoint: String) async throws -> Int {
        try await log().count { $0.endpoint == endpoint }
    }

    /// Lets a request that is held wait no longer.
    func release() async throws {
        _ = try await peer.ask("/_release/\(id)", [:])
    }

    /// Quick retries, since a test has nothing to wait for, and patience with a peer on a busy machine.
    var options: QuotaOptions {
        var options = QuotaOptions()
        options.baseURL = baseURL
        options.timeout = .seconds(60)
        options.retry = RetryPolicy(delayBase: .milliseconds(1), delayMax: .milliseconds(2))
        return options
    }

    func client(_ credentials: QuotaCredentials = QuotaCredentials(apiKey: "sk-quota-good")) throws -> QuotaClient {
        try QuotaClient(credentials, options: options)
    }

    /// A signed-in user whose access token has ended already when `isStale`.
    func signedIn(isStale: Bool = false, configure: (inout QuotaOptions) -> Void = { _ in }) throws -> QuotaClient {
        var options = options
        configure(&options)
        return try QuotaClient(
            .oauth(
                accessToken: isStale ? "quota_token_stale" : "quota_token_0", refreshToken: "quota_refresh_0",
                clientID: "quota_client_1"),
            options: options)
    }
}

/// The error that `body` throws, or `nil`.
func quotaError(_ body: () async throws -> Void) async -> QuotaError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? QuotaError
    }
}

import Foundation
import Synchronization

/// The API of a ``ServedRelay``, met through curl: a client that is not ours.
public struct ServedQuota: Sendable {
    /// What came back.
    public struct Answer: Sendable {
        public let status: Int
        public let headers: [String: String]
        public let body: Data

        public var text: String { String(decoding: body, as: UTF8.self) }
        /// Of an object; empty for anything else.
        public var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:]
        }
        /// A string at a path like `error.code`.
        public func string(_ path: String) -> String? { value(path) as? String }
        public func number(_ path: String) -> Int? { (value(path) as? NSNumber)?.intValue }
        public func value(_ path: String) -> Any? {
            path.split(separator: ".").reduce(json as Any?) { ($0 as? [String: Any])?[String($1)] }
        }
    }

    public let base: String
    /// Runs as long as this value is there.
    private let relay: ServedRelay

    public init(_ relay: ServedRelay) {
        self.relay = relay
        base = "http://127.0.0.1:\(relay.port)"
    }

    /// - Parameter token: for `Authorization: Bearer`.
    public func ask(
        _ method: String, _ path: String, _ token: String? = nil, json: String? = nil, headers: [String] = [],
        options: [String] = []
    ) async throws -> Answer {
        var words = ["-sS", "-i", "--path-as-is", "-m", "50", "-X", method, base + path, "-H", "Expect:"]
        if let token { words += ["-H", "Authorization: Bearer \(token)"] }
        if let json { words += ["-H", "Content-Type: application/json", "--data-binary", json] }
        for header in headers { words += ["-H", header] }
        let result = try await Command.run("/usr/bin/curl", words + options)
        guard result.status == 0 else { throw ProcessFailure("curl \(path): \(result.status) \(result.errors)") }
        let text = result.output
        guard let split = text.firstRange(of: "\r\n\r\n") else { throw ProcessFailure("no answer: \(text)") }
        let lines = text[..<split.lowerBound].split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Answer(status: status, headers: headers, body: Data(text[split.upperBound...].utf8))
    }

    /// A new account's session token.
    public func register(_ email: String = "\(UUID().uuidString)@test.example") async throws -> String {
        let answer = try await ask(
            "POST", "/auth/register", json: #"{"email":"\#(email)","password":"correct horse"}"#)
        guard let token = answer.string("session_token") else { throw ProcessFailure("register: \(answer.text)") }
        return token
    }

    /// An API key of that account.
    public func key(_ session: String) async throws -> String {
        let answer = try await ask("POST", "/developers/keys", session, json: #"{"name":"test"}"#)
        guard let key = answer.string("key") else { throw ProcessFailure("keys: \(answer.text)") }
        return key
    }
}

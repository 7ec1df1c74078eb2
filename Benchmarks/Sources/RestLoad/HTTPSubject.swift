import Foundation

/// A server as a process of its own, on a free port.
final class HTTPSubject {
    static let key = "sk-quota-load"
    let port: Int
    private let process = Process()
    private let folder: URL

    /// The local server, with a database on disk and no limit of requests.
    static func quota(program: String) throws -> HTTPSubject {
        try HTTPSubject(program) { folder in
            let keys = folder.appendingPathComponent("keys")
            try "\(key) 1000000\n".write(to: keys, atomically: true, encoding: .utf8)
            return [
                "serve", "--port", "0", "--token-file", keys.path, "--requests-per-minute", "0", "--data",
                folder.appendingPathComponent("data").path,
            ]
        }
    }

    static func bare(program: String) throws -> HTTPSubject {
        try HTTPSubject(program) { _ in [] }
    }

    private init(_ program: String, _ arguments: (URL) throws -> [String]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rest-load-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let output = folder.appendingPathComponent("out")
        try Data().write(to: output)
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = try arguments(folder)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        var found: Int?
        for _ in 0..<1_000 where found == nil {
            usleep(10_000)
            let text = try String(contentsOf: output, encoding: .utf8)
            found = text.firstMatch(of: /ws:\/\/127\.0\.0\.1:(\d+)\//).flatMap { Int($0.output.1) }
        }
        guard let found else { throw CocoaError(.executableLoad) }
        port = found
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Debian's HTTP load generator.
enum Wrk {
    struct Failure: Error { let said: String }

    /// - Throws: ``Failure`` also where an answer was none of success.
    static func requestsPerSecond(_ server: HTTPSubject, _ path: String, seconds: Int) throws -> Double {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/wrk")
        process.arguments = [
            "-t", "1", "-c", "32", "-d", "\(seconds)s", "-H", "Authorization: Bearer \(HTTPSubject.key)",
            "http://127.0.0.1:\(server.port)\(path)",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard !said.contains("Non-2xx"), let match = said.firstMatch(of: /Requests\/sec:\s+([\d.]+)/),
            let rate = Double(match.output.1)
        else { throw Failure(said: said) }
        return rate
    }
}

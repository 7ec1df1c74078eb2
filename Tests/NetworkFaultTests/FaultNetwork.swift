import Foundation
import ProcessSupport
import Testing

/// The bad line and what lives at its ends. All of it is gone with the object.
final class FaultNetwork {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let serverAddress = "10.77.0.2"

    /// Why networks can't be made here, nil when they can. Asked once.
    static let obstacle: String? = {
        do {
            let answer = try Child(["python3", script("fault_network.py"), "--probe"]).line(seconds: 60) ?? "no answer"
            if answer == "ok" { return nil }
            print("network fault tests: SKIPPED, \(answer)")
            return answer
        } catch {
            return "\(error)"
        }
    }()

    private let child: Child
    private let clientNamespace: String
    /// A certificate for the server's address, which is its own authority.
    let certificate: String
    /// For a test's files.
    let folder: String

    init(seed: Int = 1) throws {
        child = try Child(["python3", Self.script("fault_network.py"), String(seed)])
        let words = (child.line(seconds: 60) ?? "").split(separator: " ")
        guard words.count == 3 else { throw Failure(description: "the network did not come up: \(words)") }
        clientNamespace = "/proc/\(words[0])/fd/\(words[1])"
        folder = NSTemporaryDirectory() + "fault-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        certificate = folder + "/cert.pem"
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// Gives a command of fault_network.py; returns its answer.
    @discardableResult
    func tell(_ command: String) throws -> String {
        child.type(command + "\n")
        guard let answer = child.line(seconds: 60) else {
            throw Failure(description: "no answer to '\(command)'")
        }
        return answer
    }

    /// Starts a server; returns its port.
    func server(_ arguments: String = "echo", isTLS: Bool = false) throws -> Int {
        var command = "server \(arguments)"
        if isTLS {
            let maker = try Child([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", "/CN=fault", "-addext", "subjectAltName=IP:\(Self.serverAddress)", "-keyout",
                folder + "/key.pem", "-out", certificate,
            ])
            maker.wait()
            command += " --cert \(certificate) --key \(folder)/key.pem"
        }
        let answer = try tell(command)
        guard let port = Int(answer) else { throw Failure(description: "the server said '\(answer)'") }
        return port
    }

    /// Starts FaultClient on the client's side.
    func client(_ url: String, _ arguments: String = "") throws -> FaultReport {
        let words = arguments.split(separator: " ").map(String.init)
        return FaultReport(try child([Self.built("FaultClient"), url] + words))
    }

    /// Starts a command on the client's side.
    func child(_ command: [String]) throws -> Child {
        try Child(["nsenter", "--net=\(clientNamespace)"] + command)
    }

    /// The path of a program that was built beside this one.
    static func built(_ name: String) throws -> String {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent(name).path
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw Failure(description: "\(executable) is missing")
        }
        return executable
    }
}

/// A process with lines in and out; killed with the object.
final class Child {
    private let process = ChildProcess()
    private let input = Pipe()
    private let output = Pipe()
    private var buffered: [UInt8] = []
    private var hasEnded = false

    init(_ command: [String]) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        try? output.fileHandleForWriting.close()
    }

    deinit {
        // A network ends its own children when its input does; a client is killed.
        try? input.fileHandleForWriting.close()
        if !wait(seconds: 10) { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    var identifier: Int32 { process.processIdentifier }

    func type(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }

    func wait() { process.waitUntilExit() }

    private func wait(seconds: Double) -> Bool {
        let end = Date(timeIntervalSinceNow: seconds)
        while process.isRunning, Date() < end { usleep(10_000) }
        return !process.isRunning
    }

    /// The next line, nil when none comes in time or the process has ended.
    func line(seconds: Double) -> String? {
        let end = Date(timeIntervalSinceNow: seconds)
        while true {
            if let newline = buffered.firstIndex(of: 10) {
                defer { buffered.removeFirst(newline + 1) }
                return String(decoding: buffered[..<newline], as: UTF8.self)
            }
            let left = end.timeIntervalSinceNow
            guard left > 0, !hasEnded else { return nil }
            var descriptors = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptors, 1, Int32(left * 1000) + 1) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = read(descriptors.fd, &chunk, chunk.count)
            if count > 0 { buffered += chunk[..<count] } else { hasEnded = true }
        }
    }
}

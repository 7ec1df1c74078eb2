import Foundation
import ProcessSupport
import Synchronization

/// A server process that a test starts and ends; it also ends by itself when this process does (its input closes).
final class TestServer: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int
    let identifier: Int32
    private let input: Int32
    private let output: Int32
    private let process: Mutex<ChildProcess>

    /// Starts `python3 <script of this folder> arguments` and waits for its port.
    static func python(_ script: String, _ arguments: [String]) throws -> TestServer {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(script).path
        return try TestServer(command: ["python3", path] + arguments)
    }

    private init(command: [String]) throws {
        let process = ChildProcess()
        let input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        identifier = process.processIdentifier
        self.input = fcntl(input.fileHandleForWriting.fileDescriptor, F_DUPFD_CLOEXEC, 3)
        self.output = fcntl(output.fileHandleForReading.fileDescriptor, F_DUPFD_CLOEXEC, 3)
        try? input.fileHandleForWriting.close()
        let words = Self.readLine(self.output).split(separator: " ")
        self.process = Mutex(process)
        guard words.count == 2, words[0] == "port", let port = Int(words[1]) else {
            process.terminate()
            throw Failure(description: "\(command.joined(separator: " ")) said \(words)")
        }
        self.port = port
    }

    deinit {
        stop()
        close(input)
        close(output)
    }

    /// Ends the process, as it is; afterwards its port is closed.
    func stop() {
        process.withLock { process in
            guard process.isRunning else { return }
            kill(identifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// The next line that the server printed, without its end; blocks until there is one, empty at the end.
    func line() -> String { Self.readLine(output) }

    /// Writes one byte to the server's standard input, which some behaviours wait for.
    func nudge() {
        var byte: UInt8 = 10
        write(input, &byte, 1)
    }

    fileprivate static func readLine(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1, byte != 10 else { break }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// `openssl s_server`, whose terminal goes through to the client.
final class OpenSSLServer {
    let port: Int
    private let process = ChildProcess()
    private let input = Pipe()
    private let output = Pipe()

    init(_ certificate: TestAuthority.Certificate) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate.certFile, "-key", certificate.keyFile,
            "-tls1_3",
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // It prints "ACCEPT 127.0.0.1:<port>".
        var words: [Substring] = []
        while words.first != "ACCEPT" {
            let line = Self.readLine(output)
            words = line.split(separator: " ")
            guard !line.isEmpty || process.isRunning else { throw TestServer.Failure(description: "s_server ended") }
        }
        guard let number = words.last?.split(separator: ":").last, let port = Int(number) else {
            throw TestServer.Failure(description: "s_server said \(words)")
        }
        self.port = port
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Returns when s_server has taken the text, for it looks only at the first character of what it finds at once.
    func type(_ text: String) {
        input.fileHandleForWriting.write(Data(text.utf8))
        var waiting: Int32 = 0
        let fionread: UInt = 0x541B
        for _ in 0..<60_000 {
            guard ioctl(input.fileHandleForWriting.fileDescriptor, fionread, &waiting) == 0, waiting > 0 else { return }
            usleep(1000)
        }
    }

    /// The next line that contains the text; s_server prints much else.
    func line(containing text: String) -> String {
        for _ in 0..<200 {
            let line = Self.readLine(output)
            if line.contains(text) { return line }
        }
        return ""
    }

    private static func readLine(_ pipe: Pipe) -> String {
        TestServer.readLine(pipe.fileHandleForReading.fileDescriptor)
    }
}

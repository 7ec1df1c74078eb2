import Foundation

/// `quota-voice serve` as a process, and what the kernel says of it.
final class Served {
    static let key = "sk-quota-load"
    let port: UInt16
    private let process = Process()
    private let folder: URL

    init(program: String, options: [String]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "relay-load-\(getpid())-\(UInt32.random(in: 0...9_999))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let keys = folder.appendingPathComponent("keys")
        try "\(Self.key) 1000000000000\n".write(to: keys, atomically: true, encoding: .utf8)
        let output = folder.appendingPathComponent("out")
        try Data().write(to: output)
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments =
            ["serve", "--port", "0", "--token-file", keys.path, "--sessions", "20000", "--lateness", "0"] + options
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        var found: UInt16?
        for _ in 0..<1_000 where found == nil {
            usleep(10_000)
            let text = try String(contentsOf: output, encoding: .utf8)
            found = text.firstMatch(of: /ws:\/\/127\.0\.0\.1:(\d+)\//).flatMap { UInt16($0.output.1) }
        }
        guard let found else { throw CocoaError(.executableLoad) }
        port = found
    }

    /// Ends the process and says whether it ended well.
    func stop() -> Bool {
        process.terminate()
        for _ in 0..<2_000 where process.isRunning { usleep(10_000) }
        let isGone = !process.isRunning
        if !isGone { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
        return isGone && process.terminationStatus == 0
    }

    var isRunning: Bool { process.isRunning }

    /// Processor time so far, in seconds.
    var processorSeconds: Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        // After the name, which may hold spaces: state is field 3, utime and stime are 14 and 15.
        let fields = (text.split(separator: ")").last ?? "").split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Resident memory in kilobytes.
    var residentKilobytes: Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
        return text.firstMatch(of: /VmRSS:\s+(\d+)/).flatMap { Double($0.output.1) } ?? 0
    }
}

/// As many descriptors as the system allows.
func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Seconds of a clock that only goes forward.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Prints a line at once, also into a pipe.
func show(_ line: String) {
    print(line)
    fflush(nil)
}

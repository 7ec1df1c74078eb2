import Glibc

/// The sound server of this session, PipeWire or PulseAudio, reached by PulseAudio's own tool.
struct SoundServer {
    /// A module that was loaded, as `pactl list short modules` shows it.
    struct Module: Equatable {
        let index: Int
        let name: String
        let arguments: String
    }

    /// A stream of this process, and the number of the source or the sink that it is connected to.
    struct Stream: Equatable {
        let index: Int
        let device: Int
    }

    enum StreamKind: String {
        case recording = "source-output"
        case playing = "sink-input"
    }

    let isPipeWire: Bool
    /// The source that is recorded where none is named.
    let defaultSource: String?

    /// Nil when `pactl` is missing or no server answers it.
    init?() {
        guard let run = ToolRun.run(["pactl", "info"]), run.status == 0 else { return nil }
        isPipeWire = run.output.contains("PipeWire")
        defaultSource = run.output.firstMatch(of: /\nDefault Source: (\S+)/).map { String($0.output.1) }
    }

    func modules() -> [Module] {
        rows("modules").compactMap { fields in
            guard fields.count >= 2, let index = Int(fields[0]) else { return nil }
            return Module(index: index, name: String(fields[1]), arguments: fields.count > 2 ? String(fields[2]) : "")
        }
    }

    /// Names by number.
    func sources() -> [Int: String] { names("sources") }

    func sinks() -> [Int: String] { names("sinks") }

    private func names(_ kind: String) -> [Int: String] {
        rows(kind).reduce(into: [:]) { names, fields in
            if fields.count > 1, let index = Int(fields[0]) { names[index] = String(fields[1]) }
        }
    }

    private func rows(_ kind: String) -> [[Substring]] {
        guard let run = ToolRun.run(["pactl", "list", "short", kind]), run.status == 0 else { return [] }
        return run.output.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    }

    /// The streams of this process.
    func ownStreams(_ kind: StreamKind) -> [Stream] {
        guard let run = ToolRun.run(["pactl", "list", "clients"]), run.status == 0 else { return [] }
        let clients = Self.clients(of: getpid(), in: run.output)
        return rows(kind.rawValue + "s").compactMap { fields in
            guard fields.count > 2, let index = Int(fields[0]), let device = Int(fields[1]),
                let client = Int(fields[2]), clients.contains(client)
            else { return nil }
            return Stream(index: index, device: device)
        }
    }

    /// The numbers of a process's clients in what `pactl list clients` says.
    static func clients(of process: Int32, in text: String) -> Set<Int> {
        var clients: Set<Int> = []
        var current: Int?
        for line in text.split(separator: "\n") {
            if let match = line.prefixMatch(of: /Client #(\d+)/) { current = Int(match.output.1) }
            if let current, line.contains("application.process.id = \"\(process)\"") { clients.insert(current) }
        }
        return clients
    }

    /// Connects a stream to another source or sink.
    func move(_ kind: StreamKind, _ index: Int, to device: String) -> Bool {
        ToolRun.run(["pactl", "move-\(kind.rawValue)", "\(index)", device])?.status == 0
    }

    /// The index of the new module; nil when the server refuses.
    func load(_ module: String, _ arguments: [String]) -> Int? {
        guard let run = ToolRun.run(["pactl", "load-module", module] + arguments), run.status == 0 else { return nil }
        return Int(run.output.filter { !$0.isWhitespace })
    }

    @discardableResult
    func unload(_ index: Int) -> Bool {
        ToolRun.run(["pactl", "unload-module", "\(index)"])?.status == 0
    }
}

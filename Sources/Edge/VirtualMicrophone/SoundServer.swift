import Glibc

/// The sound server of this session, PipeWire or PulseAudio, reached by PulseAudio's own tool.
struct SoundServer {
    /// A module that was loaded, as `pactl list short modules` shows it.
    struct Module: Equatable {
        let index: Int
        let name: String
        let arguments: String
    }

    let isPipeWire: Bool

    /// Nil when `pactl` is missing or no server answers it.
    init?() {
        guard let run = ToolRun.run(["pactl", "info"]), run.status == 0 else { return nil }
        isPipeWire = run.output.contains("PipeWire")
    }

    func modules() -> [Module] {
        guard let run = ToolRun.run(["pactl", "list", "short", "modules"]), run.status == 0 else { return [] }
        return run.output.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count >= 2, let index = Int(fields[0]) else { return nil }
            return Module(index: index, name: String(fields[1]), arguments: fields.count > 2 ? String(fields[2]) : "")
        }
    }

    func hasSource(_ name: String) -> Bool {
        guard let run = ToolRun.run(["pactl", "list", "short", "sources"]), run.status == 0 else { return false }
        return run.output.split(separator: "\n").contains { line in
            let fields = line.split(separator: "\t")
            return fields.count > 1 && fields[1] == name
        }
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

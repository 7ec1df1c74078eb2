import Glibc
import Synchronization
import VoiceALSADevice

/// The two modules of a sound server that make one microphone.
final class MicrophoneParts: Sendable {
    /// What the device is called in errors; ALSA's configuration would take a name with dots apart.
    private static let deviceName = "quota-voice-microphone"

    private let name: String
    private let sink: String
    /// Indices of what was loaded, in order; nil once it was removed for good.
    private let loaded = Mutex<[Int]?>([])

    init(name: String) {
        self.name = name
        sink = "quota-voice-\(getpid())-\(name)"
    }

    /// The process that has made a module, if it is a part of a microphone.
    static func owner(of module: SoundServer.Module) -> Int32? {
        guard module.name == "module-null-sink" || module.name == "module-remap-source" else { return nil }
        return module.arguments.firstMatch(of: /(?:sink_name|master)=quota-voice-(\d+)-/).flatMap { Int32($0.output.1) }
    }

    /// Loads both, or nothing.
    func make(_ server: SoundServer) -> Bool {
        loaded.withLock { loaded in
            guard loaded != nil else { return false }
            let first = server.load(
                "module-null-sink",
                [
                    "sink_name=\(sink)", "rate=48000", "channels=1", "channel_map=mono",
                    "sink_properties=device.description=\(name)-input",
                ])
            guard let first else { return false }
            let second = server.load(
                "module-remap-source",
                [
                    "master=\(sink).monitor", "source_name=\(name)", "channels=1", "channel_map=mono",
                    "master_channel_map=mono", "remix=no", "source_properties=device.description=\(name)",
                ])
            guard let second else {
                server.unload(first)
                return false
            }
            loaded = [first, second]
            return true
        }
    }

    /// Makes them again when the sound server has come back without them.
    func restore() -> Bool {
        guard loaded.withLock({ $0 != nil }), let server = SoundServer() else { return false }
        return server.hasSource(name) || make(server)
    }

    func remove() {
        let indices = loaded.withLock { loaded in
            defer { loaded = nil }
            return loaded ?? []
        }
        guard !indices.isEmpty, let server = SoundServer() else { return }
        // Indices start anew with the server, so what is unloaded must be ours.
        let own = Set(server.modules().filter { Self.owner(of: $0) == getpid() }.map(\.index))
        for index in indices.reversed() where own.contains(index) { server.unload(index) }
    }

    /// A playback device that ends in the sink and nowhere else.
    func deviceOptions(isPipeWire: Bool) -> DeviceOptions {
        var options = DeviceOptions(name: Self.deviceName)
        let plugin =
            isPipeWire
            ? "type pipewire playback_node \"\(sink)\" capture_node \"-1\""
            : "type pulse device \"\(sink)\""
        options.configurationText = "</usr/share/alsa/alsa.conf>\npcm.\(Self.deviceName) { \(plugin) }\n"
        // A stream that came back before its sink would be heard from the speakers.
        options.reopening = ReopenCheck { [self] in restore() }
        return options
    }
}

/// The kernel's loopback card: what is played into its first device is recorded from its second.
package struct LoopbackCard: Equatable {
    let identifier: String

    package var playbackName: String { "hw:CARD=\(identifier),DEV=0" }
    package var otherEnd: String { "hw:CARD=\(identifier),DEV=1" }

    /// The first one among the kernel's cards.
    package static func find(cards: String? = nil) -> LoopbackCard? {
        let text = cards ?? fileText("/proc/asound/cards")
        return text.firstMatch(of: #/\[([^\]\s]+)\s*\]: Loopback - /#)
            .map { LoopbackCard(identifier: String($0.output.1)) }
    }

    private static func fileText(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

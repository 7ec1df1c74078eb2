import Glibc
import Synchronization
import VoiceALSADevice

/// What a microphone consists of in a sound server. Threads: any.
protocol MicrophoneParts: AnyObject, Sendable {
    /// Where it is played into.
    var sink: String { get }
    /// Makes it again when the sound server has come back without it; true when it is there.
    func restore() -> Bool
    /// Takes it away for good.
    func remove()
}

extension MicrophoneParts {
    /// What the device is called in errors; ALSA's configuration would take a name with dots apart.
    private var deviceName: String { "quota-voice-microphone" }

    /// A playback device that ends in the sink and nowhere else.
    func deviceOptions(isPipeWire: Bool) -> DeviceOptions {
        var options = DeviceOptions(name: deviceName)
        let plugin =
            isPipeWire
            ? "type pipewire playback_node \"\(sink)\" capture_node \"-1\""
            : "type pulse device \"\(sink)\""
        options.configurationText = "</usr/share/alsa/alsa.conf>\npcm.\(deviceName) { \(plugin) }\n"
        // A stream that came back before its sink would be heard from the speakers.
        options.reopening = ReopenCheck { [self] in restore() }
        return options
    }
}

/// The two modules of a sound server that make one microphone.
final class MicrophoneModules: MicrophoneParts {
    private let name: String
    let sink: String
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
}

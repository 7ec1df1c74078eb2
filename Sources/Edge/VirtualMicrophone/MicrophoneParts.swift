import Glibc
import Synchronization
import VoiceALSADevice
import VoiceRealtime

/// What a microphone consists of in a sound server. Threads: any.
protocol MicrophoneParts: AnyObject, Sendable {
    /// What others record from.
    var name: String { get }
    /// Where it is played into.
    var sink: String { get }
    /// Whether all of it is there; nil when the sound server does not answer.
    func isComplete() -> Bool?
    /// Makes again what of it is not there; true when all is there.
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
        // Without its sink the stream would be moved to the speakers. Later releases of WirePlumber have more words
        // for the same; what a server doesn't know is nothing to it.
        options.streamProperties = "node.dont-reconnect=true node.dont-fallback=true"
        // And so would one that came back before its sink.
        options.reopening = ReopenCheck(whatIsGone: "the sink of the virtual microphone is gone") { [self] in
            restore()
        }
        return options
    }
}

/// The two modules of a sound server that make one microphone.
final class MicrophoneModules: MicrophoneParts {
    let name: String
    let sink: String
    private struct Loaded {
        /// Of what was loaded, in order.
        var indices: [Int] = []
        var isRemoved = false
    }

    private static let listingNanosecondsMax = Int64.seconds(2)
    private let loaded = Mutex(Loaded())

    init(name: String) {
        self.name = name
        sink = MicrophoneOwner.own.sink(name)
    }

    /// The process that has made a module, if it is a part of a microphone.
    static func owner(of module: SoundServer.Module) -> MicrophoneOwner? {
        guard module.name == "module-null-sink" || module.name == "module-remap-source" else { return nil }
        return module.arguments.firstMatch(of: /(?:sink_name|master)=(\S+)/)
            .flatMap { MicrophoneOwner(sink: $0.output.1) }
    }

    /// Loads both, or nothing.
    func make(_ server: SoundServer) -> Bool {
        loaded.withLock { loaded in
            guard !loaded.isRemoved, let indices = load(server) else { return false }
            loaded.indices = indices
            awaitListing(server)
            return true
        }
    }

    /// A server may list what it has loaded a moment later.
    private func awaitListing(_ server: SoundServer) {
        let end = monotonicNow().advanced(byNanoseconds: Self.listingNanosecondsMax)
        while !isComplete(server), monotonicNow() < end { usleep(20_000) }
    }

    private func load(_ server: SoundServer) -> [Int]? {
        let first = server.load(
            "module-null-sink",
            [
                "sink_name=\(sink)", "rate=48000", "channels=1", "channel_map=mono",
                "sink_properties=device.description=\(name)-input",
            ])
        guard let first else { return nil }
        let second = server.load(
            "module-remap-source",
            [
                "master=\(sink).monitor", "source_name=\(name)", "channels=1", "channel_map=mono",
                "master_channel_map=mono", "remix=no", "source_properties=device.description=\(name)",
            ])
        guard let second else {
            server.unload(first)
            return nil
        }
        return [first, second]
    }

    func isComplete() -> Bool? {
        guard let server = SoundServer() else { return nil }
        return isComplete(server)
    }

    private func isComplete(_ server: SoundServer) -> Bool {
        server.sinks().values.contains(sink) && server.sources().values.contains(name)
    }

    func restore() -> Bool {
        loaded.withLock { loaded in
            guard !loaded.isRemoved, let server = SoundServer() else { return false }
            if isComplete(server) { return true }
            // One half of it would stand in the way of the other.
            for module in own(server).sorted(by: { $0.index > $1.index }) { server.unload(module.index) }
            let indices = load(server)
            loaded.indices = indices ?? []
            if indices != nil { awaitListing(server) }
            return indices != nil
        }
    }

    /// A server that did not answer is asked again by the next call.
    func remove() {
        loaded.withLock { loaded in
            loaded.isRemoved = true
            guard !loaded.indices.isEmpty, let server = SoundServer() else { return }
            // Indices start anew with the server, so what is unloaded must be ours.
            let own = Set(own(server).map(\.index))
            for index in loaded.indices.reversed() where own.contains(index) { server.unload(index) }
            loaded.indices = []
        }
    }

    /// What of it the server has.
    private func own(_ server: SoundServer) -> [SoundServer.Module] {
        server.modules().filter { Self.owner(of: $0) == .own && $0.arguments.contains("=\(sink)") }
    }
}

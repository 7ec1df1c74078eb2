import Glibc
import Synchronization
import VoiceALSADevice

/// Why there is no virtual microphone: one sentence with the next step.
public struct VirtualMicrophoneError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// A name that sound servers don't take.
        case invalidName
        /// There is a microphone of that name already.
        case nameTaken
        /// Neither a sound server nor a loopback card is there.
        case nothingToUse
        /// The sound server refused to make it.
        case refused
    }

    public let cause: Cause
    public let description: String
}

/// A microphone that other programs list and record from, and that says what is played into it.
///
/// On PipeWire and PulseAudio it is a true source, not a monitor (which browsers hide): a null sink that sound is played
/// into, and a source on top of it that carries the name, made by PulseAudio's `pactl` or, without that, by PipeWire's
/// `pw-loopback`. The names of its parts hold the process's number, so that what a crash has left is found and removed
/// when the next one is made. Without a sound server the kernel's loopback card serves, where its module snd-aloop is
/// loaded.
///
/// Threads: any; the calls block while the server's tool runs, a few milliseconds, 5 s each at most.
public final class VirtualMicrophone: Sendable {
    public static let defaultName = "quota-voice"

    /// Where other programs find it.
    public enum Place: Sendable, Equatable {
        /// The source of this name.
        case source(String)
        /// The other end of the loopback card: an ALSA device.
        case loopbackCard(String)
    }

    public let place: Place
    /// Play into this device, of any latency, and it is heard from the microphone.
    public let deviceOptions: DeviceOptions
    private let parts: (any MicrophoneParts)?

    private init(place: Place, options: DeviceOptions, parts: (any MicrophoneParts)?) {
        self.place = place
        deviceOptions = options
        self.parts = parts
    }

    deinit {
        remove()
    }

    /// Makes a microphone, after removing what a crash has left of others.
    ///
    /// - Parameter name: what other programs list: letters, digits, `.`, `_` and `-`, at most 64.
    public static func create(name: String = defaultName) throws(VirtualMicrophoneError) -> VirtualMicrophone {
        guard name.wholeMatch(of: /[A-Za-z0-9._-]{1,64}/) != nil else {
            throw VirtualMicrophoneError(
                cause: .invalidName, description: "a microphone's name has letters, digits, dots, dashes: not \(name)")
        }
        _ = MicrophoneTool.removeLeftovers()
        if let server = SoundServer() {
            removeLeftovers(server)
            guard !server.hasSource(name) else { throw taken(name) }
            let parts = MicrophoneModules(name: name)
            guard parts.make(server) else {
                throw VirtualMicrophoneError(
                    cause: .refused,
                    description: "the sound server makes no virtual microphone; see what pactl load-module "
                        + "module-null-sink says")
            }
            return VirtualMicrophone(
                place: .source(name), options: parts.deviceOptions(isPipeWire: server.isPipeWire), parts: parts)
        }
        if MicrophoneTool.isAvailable {
            guard !MicrophoneTool.hasNode(name) else { throw taken(name) }
            let parts = MicrophoneTool(name: name)
            guard parts.make() else {
                throw VirtualMicrophoneError(
                    cause: .refused,
                    description: "PipeWire makes no virtual microphone; see what pw-loopback says, or install "
                        + "pulseaudio-utils (pactl)")
            }
            return VirtualMicrophone(
                place: .source(name), options: parts.deviceOptions(isPipeWire: true), parts: parts)
        }
        if let card = LoopbackCard.find() {
            return VirtualMicrophone(
                place: .loopbackCard(card.otherEnd), options: DeviceOptions(name: card.playbackName), parts: nil)
        }
        throw VirtualMicrophoneError(
            cause: .nothingToUse,
            description: """
                no virtual microphone without PipeWire or PulseAudio: start one, with pulseaudio-utils (pactl) or \
                pipewire-bin (pw-loopback) installed, or load the kernel's loopback card by: modprobe snd-aloop
                """)
    }

    private static func taken(_ name: String) -> VirtualMicrophoneError {
        VirtualMicrophoneError(
            cause: .nameTaken, description: "there is a microphone named \(name) already; choose another name")
    }

    /// Takes the microphone away from other programs. Calling it again does nothing.
    public func remove() {
        parts?.remove()
    }

    /// Removes what processes that are gone have left; returns how many parts there were.
    @discardableResult
    public static func removeLeftovers() -> Int {
        MicrophoneTool.removeLeftovers() + (SoundServer().map(removeLeftovers) ?? 0)
    }

    @discardableResult
    private static func removeLeftovers(_ server: SoundServer) -> Int {
        let left = server.modules().filter { module in
            MicrophoneModules.owner(of: module).map { !isAlive($0) } ?? false
        }
        // The source first: it stands on the sink.
        return left.sorted { $0.index > $1.index }.filter { server.unload($0.index) }.count
    }

    /// True for a process that runs the same program as this one.
    private static func isAlive(_ process: Int32) -> Bool {
        func program(_ process: String) -> String? {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = bytes.withUnsafeMutableBytes { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return readlink("/proc/\(process)/exe", base.assumingMemoryBound(to: CChar.self), buffer.count)
            }
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
        }
        guard let other = program("\(process)") else { return false }
        return other == program("self")
    }
}

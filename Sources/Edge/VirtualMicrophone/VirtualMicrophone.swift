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

/// What has happened to a virtual microphone. None of it needs an answer.
public enum VirtualMicrophoneEvent: Sendable, Equatable {
    /// The sound server has lost it, or is gone itself; it is made again as soon as that can be done.
    case gone
    /// It is there again.
    case back
    /// This process had been connected to its own microphone, as the default of all programs, and records from the
    /// source of this name now; nil when there is no other.
    case heardItself(now: String?)
}

/// A microphone that other programs list and record from, and that says what is played into it.
///
/// On PipeWire and PulseAudio it is a true source, not a monitor (which browsers hide): a null sink that sound is played
/// into, and a source on top of it that carries the name, made by PulseAudio's `pactl` or, without that, by PipeWire's
/// `pw-loopback`. The names of its parts hold the process's number and the time of its start, so that what a crash has
/// left is found and removed when the next one is made. When its parts go, what is played into it is heard by nobody; with
/// ``watch(_:)`` they are made again. Without a sound server the kernel's loopback card serves, where its module snd-aloop is
/// loaded.
///
/// Threads: any; the calls block while the server's tool runs, a few milliseconds, 5 s each at most. Opening a device of
/// these options sets the process's environment variable PIPEWIRE_ALSA for that time.
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
    /// What was recorded by default before it was there.
    private let lastInput: String?
    private let watch = Mutex<MicrophoneWatch?>(nil)

    private init(place: Place, options: DeviceOptions, parts: (any MicrophoneParts)?, lastInput: String? = nil) {
        self.place = place
        deviceOptions = options
        self.parts = parts
        self.lastInput = lastInput
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
        if var server = SoundServer() {
            if removeLeftovers(server) > 0, let tidied = SoundServer() { server = tidied }
            guard !server.sources().values.contains(name) else { throw taken(name) }
            let parts = MicrophoneModules(name: name)
            guard parts.make(server) else {
                throw VirtualMicrophoneError(
                    cause: .refused,
                    description: "the sound server makes no virtual microphone; see what pactl load-module "
                        + "module-null-sink says")
            }
            return VirtualMicrophone(
                place: .source(name), options: parts.deviceOptions(isPipeWire: server.isPipeWire), parts: parts,
                lastInput: server.defaultSource)
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

    /// Makes the microphone again whenever it goes, and keeps this process from recording it, until it is removed.
    ///
    /// - Parameter tell: called on a thread of the microphone, for people to be told.
    public func watch(_ tell: @escaping @Sendable (VirtualMicrophoneEvent) -> Void) {
        guard let parts else { return }
        watch.withLock { watch in
            guard watch == nil else { return }
            let new = MicrophoneWatch(parts, input: lastInput, tell: tell)
            new.start()
            watch = new
        }
    }

    /// Takes the microphone away from other programs. Calling it again does nothing.
    public func remove() {
        watch.withLock { $0?.stop() }
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
            MicrophoneModules.owner(of: module).map { !$0.isAlive } ?? false
        }
        // The source first: it stands on the sink.
        return left.sorted { $0.index > $1.index }.filter { server.unload($0.index) }.count
    }
}

import CALSA
import CALSAShims
import VoiceRealtime
import VoiceSignal

/// An open and configured PCM of alsa-lib. Used by one thread at a time; closed when it goes.
final class PCM: @unchecked Sendable {
    let handle: OpaquePointer
    let name: String
    let isConverted: Bool
    let grant: Grant

    /// What the hardware parameters hold once they are installed.
    struct Grant {
        var sampleRate = 0
        var channels = 0
        var format = SampleFormat.s16
        var access = DeviceAccess.readWrite
        var periodFrames = 0
        var bufferFrames = 0
        var queueFrames = 0
    }

    private init(handle: OpaquePointer, name: String, isConverted: Bool, grant: Grant) {
        self.handle = handle
        self.name = name
        self.isConverted = isConverted
        self.grant = grant
    }

    deinit {
        snd_pcm_close(handle)
    }

    /// Opens a device and sets it up, through alsa-lib's conversions when nothing else will do.
    ///
    /// - Parameter sampleRate: the only rate that is acceptable; nil to take the nearest.
    static func open(
        _ name: String, _ direction: DeviceDirection, options: DeviceOptions, sampleRate: Int?
    ) throws(DeviceError) -> PCM {
        do {
            return try open(name, as: name, direction, options: options, sampleRate: sampleRate)
        } catch {
            guard error.cause == .unsupported, !name.hasPrefix("plug") else { throw error }
            let converted = DeviceName.converted(name)
            do {
                return try open(converted, as: name, direction, options: options, sampleRate: sampleRate)
            } catch let second {
                // The plain device's complaint is the one that tells something, unless it is gone by now.
                throw second.cause == .unsupported ? error : second
            }
        }
    }

    private static func open(
        _ alsaName: String, as name: String, _ direction: DeviceDirection, options: DeviceOptions, sampleRate: Int?
    ) throws(DeviceError) -> PCM {
        let handle = try openHandle(alsaName, direction, options)
        do {
            let setup = HardwareSetup(
                handle: handle, device: name, direction: direction, options: options, sampleRate: sampleRate)
            return PCM(handle: handle, name: name, isConverted: alsaName != name, grant: try setup.install())
        } catch {
            snd_pcm_close(handle)
            throw error
        }
    }

    /// Opens without waiting for a device that is in use.
    static func openHandle(
        _ name: String, _ direction: DeviceDirection, _ options: DeviceOptions
    ) throws(DeviceError) -> OpaquePointer {
        cas_quiet()
        cas_forget_message()
        let stream = direction == .capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK
        var handle: OpaquePointer?
        var tree: ALSAConfiguration?
        if let file = options.configurationFile {
            tree = try ALSAConfiguration(file: file)
        } else if let text = options.configurationText {
            tree = try ALSAConfiguration(text: text, device: name)
        }
        let code = StreamProperties.using(options.streamProperties) {
            if let tree { return snd_pcm_open_lconf(&handle, name, stream, Int32(SND_PCM_NONBLOCK), tree.root) }
            return snd_pcm_open(&handle, name, stream, Int32(SND_PCM_NONBLOCK))
        }
        guard code >= 0, let handle else {
            throw DeviceFailure.error(Int(code), device: name, direction: direction)
        }
        return handle
    }
}

/// A tree of ALSA configuration of our own.
private final class ALSAConfiguration {
    let root: OpaquePointer

    convenience init(file: String) throws(DeviceError) {
        var input: OpaquePointer?
        let code = snd_input_stdio_open(&input, file, "r")
        try self.init(code < 0 ? nil : input, device: file)
    }

    convenience init(text: String, device: String) throws(DeviceError) {
        var input: OpaquePointer?
        let code = snd_input_buffer_open(&input, text, text.utf8.count)
        try self.init(code < 0 ? nil : input, device: device)
    }

    /// Reads and closes the input.
    private init(_ input: OpaquePointer?, device: String) throws(DeviceError) {
        guard let input else { throw DeviceError(.invalidOptions, device: device, "\(device) can't be read") }
        defer { snd_input_close(input) }
        var root: OpaquePointer?
        guard snd_config_top(&root) >= 0, let root else {
            throw DeviceError(.outOfResources, device: device, "no memory for \(device)")
        }
        let code = snd_config_load(root, input)
        guard code >= 0 else {
            snd_config_delete(root)
            throw DeviceError(.invalidOptions, device: device, code: -code, "\(device) is not ALSA configuration")
        }
        self.root = root
    }

    deinit {
        snd_config_delete(root)
    }
}

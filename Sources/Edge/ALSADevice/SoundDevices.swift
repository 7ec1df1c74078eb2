import CALSA
import CALSAShims
import Glibc
import VoiceSignal

/// What a device can do, before anything of it is chosen.
public struct DeviceCapabilities: Sendable, Hashable {
    public let sampleRates: ClosedRange<Int>
    public let channels: ClosedRange<Int>
    /// The formats that can be used here, best first; empty when alsa-lib has to convert.
    public let formats: [SampleFormat]
    public let accesses: [DeviceAccess]
    public let periodFrames: ClosedRange<Int>
    public let bufferFrames: ClosedRange<Int>
}

/// A device that ALSA knows, in one direction.
public struct SoundDeviceInfo: Sendable, Equatable {
    /// The name to open it by: stays the same when cards are found in another order.
    public let name: String
    /// What it is, in the driver's words, on one line.
    public let summary: String
    public let direction: DeviceDirection
    /// True for the device that is used when none is named.
    public let isDefault: Bool
    /// Nil when the device can't be opened now.
    public let capabilities: DeviceCapabilities?
    /// Why it can't be opened now.
    public let problem: DeviceError?
}

/// The devices of this machine.
public enum SoundDevices {
    public static let defaultName = "default"

    /// Names of alsa-lib that are parts of devices, or converters, and no devices.
    private static let partNames: Set<String> = [
        "null", "samplerate", "speexrate", "speex", "lavrate", "jack", "oss", "upmix", "vdownmix", "usbstream", "front",
        "rear", "center_lfe", "side", "surround21", "surround40", "surround41", "surround50", "surround51",
        "surround71", "iec958", "hdmi", "dmix", "dsnoop", "dshare", "modem", "phoneline", "a52", "plughw", "arcam_av",
    ]

    /// All devices of one direction, the default first, each opened for a moment to see what it can do.
    ///
    /// Blocks while the sound systems answer: 3 s for the first name behind one that does not, half a second for every
    /// other one. What does not answer by then is left to a thread of its own.
    public static func list(_ direction: DeviceDirection) -> [SoundDeviceInfo] {
        cas_quiet()
        // Names that were added or pulled out since the last look. Whoever still waits has the old ones in use.
        if !Inquiry.isOneOpen { snd_config_update_free_global() }
        var found = hints(direction)
        if !found.contains(where: { $0.name == defaultName }) {
            found.insert((defaultName, "Default device"), at: 0)
        }
        let devices = found.map { inspect($0.name, summary: $0.summary, direction) }
        return devices.filter(\.isDefault) + devices.filter { !$0.isDefault }
    }

    /// The name of the device that a person means: a name of ALSA as it is, else the only device whose name or
    /// description has the text in it, in upper or lower case.
    ///
    /// A text that fits nothing is returned as it is: alsa-lib knows more names than it lists.
    public static func resolve(_ text: String, _ direction: DeviceDirection) throws(DeviceError) -> String {
        let known = hints(direction)
        if text == defaultName || text.contains(":") || known.contains(where: { $0.name == text }) { return text }
        let wanted = text.lowercased()
        let fitting = known.filter {
            $0.name.lowercased().contains(wanted) || $0.summary.lowercased().contains(wanted)
        }
        // The same card behind several names: the one that converts and can be shared.
        let cards = Set(fitting.map { DeviceName.card(of: $0.name) ?? $0.name })
        if cards.count == 1, let first = fitting.first {
            return fitting.first { $0.name.hasPrefix("sysdefault:") }?.name ?? first.name
        }
        guard fitting.isEmpty else {
            let names = fitting.map(\.name).joined(separator: ", ")
            throw DeviceError(.invalidOptions, device: text, "\(text) may be any of: \(names); say which")
        }
        return text
    }

    /// ALSA's list of names with descriptions, without a look at the devices.
    private static func hints(_ direction: DeviceDirection) -> [(name: String, summary: String)] {
        var list: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        guard snd_device_name_hint(-1, "pcm", &list) >= 0, let list else { return [] }
        defer { snd_device_name_free_hint(list) }
        var found: [(name: String, summary: String)] = []
        var position = list
        while let hint = position.pointee {
            position += 1
            guard let name = text(hint, "NAME") else { continue }
            let onlyDirection = text(hint, "IOID")
            let own = direction == .capture ? "Input" : "Output"
            guard onlyDirection == nil || onlyDirection == own else { continue }
            let part = name.split(separator: ":", maxSplits: 1)[0]
            guard !partNames.contains(String(part)), !found.contains(where: { $0.name == name }) else { continue }
            let summary = (text(hint, "DESC") ?? "").split(separator: "\n").joined(separator: ", ")
            found.append((name, summary))
        }
        return found
    }

    private static func text(_ hint: UnsafeMutableRawPointer, _ key: String) -> String? {
        guard let bytes = snd_device_name_get_hint(hint, key) else { return nil }
        defer { free(bytes) }
        return String(cString: bytes)
    }

    private static func inspect(_ name: String, summary: String, _ direction: DeviceDirection) -> SoundDeviceInfo {
        let answer = Inquiry.ask(name, direction)
        var capabilities: DeviceCapabilities?
        var problem: DeviceError?
        switch answer {
        case .success(let found): capabilities = found
        case .failure(let error): problem = error
        }
        return SoundDeviceInfo(
            name: name, summary: summary, direction: direction, isDefault: name == defaultName,
            capabilities: capabilities, problem: problem)
    }

    /// Opens a device for a moment and asks what it can do. Blocks for as long as its sound system likes.
    static func capabilities(
        of name: String, _ direction: DeviceDirection
    ) throws(DeviceError) -> DeviceCapabilities {
        let handle = try PCM.openHandle(name, direction, DeviceOptions(name: name))
        defer { snd_pcm_close(handle) }
        var parameters: OpaquePointer?
        guard snd_pcm_hw_params_malloc(&parameters) >= 0, let parameters else {
            throw DeviceFailure.error(-Int(ENOMEM), device: name, direction: direction)
        }
        defer { snd_pcm_hw_params_free(parameters) }
        let code = snd_pcm_hw_params_any(handle, parameters)
        guard code >= 0 else { throw DeviceFailure.error(Int(code), device: name, direction: direction) }
        var low: UInt32 = 0
        var high: UInt32 = 0
        snd_pcm_hw_params_get_rate_min(parameters, &low, nil)
        snd_pcm_hw_params_get_rate_max(parameters, &high, nil)
        let rates = range(low, high)
        snd_pcm_hw_params_get_channels_min(parameters, &low)
        snd_pcm_hw_params_get_channels_max(parameters, &high)
        let channels = range(low, high)
        var least: snd_pcm_uframes_t = 0
        var most: snd_pcm_uframes_t = 0
        snd_pcm_hw_params_get_period_size_min(parameters, &least, nil)
        snd_pcm_hw_params_get_period_size_max(parameters, &most, nil)
        let periods = range(least, most)
        snd_pcm_hw_params_get_buffer_size_min(parameters, &least)
        snd_pcm_hw_params_get_buffer_size_max(parameters, &most)
        return DeviceCapabilities(
            sampleRates: rates, channels: channels,
            formats: HardwareSetup.formats
                .filter { snd_pcm_hw_params_test_format(handle, parameters, $0.1) == 0 }.map(\.0),
            accesses: HardwareSetup.accesses
                .filter { snd_pcm_hw_params_test_access(handle, parameters, $0.1) == 0 }.map(\.0),
            periodFrames: periods, bufferFrames: range(least, most))
    }

    private static func range(_ low: some BinaryInteger, _ high: some BinaryInteger) -> ClosedRange<Int> {
        let low = Int(clamping: low)
        return low...max(low, Int(clamping: high))
    }
}

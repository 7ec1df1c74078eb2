import VoiceRealtime
import VoiceSignal

/// Which way sound goes through a device.
public enum DeviceDirection: String, Sendable, Hashable, CaseIterable {
    case capture, playback
}

/// What becomes of the channels of a capture device.
public enum ChannelChoice: Sendable, Hashable {
    /// The average of all.
    case average
    /// One of them, counted from 0. Asks the device for at least that many.
    case only(Int)
}

/// What is wanted of a device. What it grants stands in `DeviceConfiguration`.
public struct DeviceOptions: Sendable, Hashable {
    /// A name of ALSA: `default`, `pipewire`, `hw:CARD=PCH,DEV=0`; `SoundDevices.resolve` finds it for what a person
    /// typed. Names that count cards, such as `hw:0`, are refused.
    public var name: String
    /// The device to use while `name` is lost; nil to stay silent then. As soon as `name` is back it is used again.
    public var fallbackName: String?
    /// Samples per second, 8,000...192,000; the nearest one that the device has is taken.
    public var sampleRate = 48_000
    /// Channels of the device, 1...8; the nearest count that it has is taken. Capture makes one of them, playback
    /// sends the same to each.
    public var channels = 1
    /// The format between here and the device; nil for the best that it has.
    public var format: SampleFormat?
    /// What capture makes its one channel of.
    public var channelChoice = ChannelChoice.average
    /// Delay that the device may add, 1...500 ms. Capture waits for periods of this length; playback keeps this much
    /// queued, in two halves. The device may need more.
    public var latencyNanoseconds = Int64.milliseconds(10)
    /// Whether playback that runs dry again and again, as an xrun or without one, is opened anew to hold twice as much,
    /// up to 100 ms (`DeviceEvent.relaxed`).
    public var growsWhenDry = false
    /// Sound that the ring between device and engine can hold, 20...5,000 ms.
    public var ringNanoseconds = Int64.milliseconds(500)
    /// SCHED_FIFO priority of the audio thread, 1...89, as far as it is permitted; 0 for an ordinary thread.
    public var realtimePriority = 60
    /// How long `open` waits for a sound system that does not answer, at most, 0.1...60 s.
    public var openTimeoutNanoseconds = Int64.seconds(5)
    /// Pause between two attempts to open a lost device again.
    public var retryNanoseconds = Int64.seconds(1)

    /// A file of ALSA configuration to be used instead of the process's own.
    package var configurationFile: String?
    /// ALSA configuration to be used before the process's own; defines `name`.
    package var configurationText: String?
    /// Properties of PipeWire for the stream, where it is one: `node.dont-reconnect=true`.
    package var streamProperties: String?
    /// Asked before a lost device is opened again.
    package var reopening: ReopenCheck?

    public init(name: String = "default", fallbackName: String? = nil) {
        self.name = name
        self.fallbackName = fallbackName
    }

    /// Refuses values outside of the ranges above.
    func validated() throws(DeviceError) -> DeviceOptions {
        func check(_ isGood: Bool, _ sentence: String) throws(DeviceError) {
            if !isGood { throw DeviceError(.invalidOptions, device: name, sentence) }
        }
        for name in [name, fallbackName].compactMap(\.self) {
            try check((1...200).contains(name.utf8.count) && !name.utf8.contains(0), "a device needs a name")
            if let sentence = DeviceName.complaint(about: name) { try check(false, sentence) }
        }
        try check((8_000...192_000).contains(sampleRate), "a device runs at 8000 to 192000 Hz, not at \(sampleRate)")
        try check((1...8).contains(channels), "a device is used with 1 to 8 channels, not with \(channels)")
        if case .only(let index) = channelChoice {
            try check((0..<8).contains(index), "channels are counted from 0 to 7; there is no channel \(index)")
        }
        try check(
            (.milliseconds(1)...(.milliseconds(500))).contains(latencyNanoseconds),
            "the latency of a device is 1 to 500 ms")
        try check(
            (.milliseconds(20)...(.seconds(5))).contains(ringNanoseconds), "the ring of a device holds 20 to 5000 ms")
        try check((0...89).contains(realtimePriority), "a real-time priority is 1 to 89, or 0 for none")
        try check(
            (.milliseconds(100)...(.seconds(60))).contains(openTimeoutNanoseconds)
                && (.milliseconds(50)...(.seconds(60))).contains(retryNanoseconds),
            "the waits of a device are 0.05 to 60 s")
        return self
    }
}

/// What has to be there before a lost device is worth opening, and may have to be made again.
package final class ReopenCheck: Hashable, Sendable {
    /// Runs on the supervisor's thread and may block for some seconds; false to try again later.
    let isReady: @Sendable () -> Bool
    /// What is said when that is gone.
    let whatIsGone: String

    package init(whatIsGone: String, _ isReady: @escaping @Sendable () -> Bool) {
        self.whatIsGone = whatIsGone
        self.isReady = isReady
    }

    package static func == (left: ReopenCheck, right: ReopenCheck) -> Bool { left === right }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A process that holds a device.
public struct DeviceHolder: Sendable, Hashable {
    public let processIdentifier: Int32
    /// Its short name, as `ps` shows it.
    public let name: String

    public init(processIdentifier: Int32, name: String) {
        self.processIdentifier = processIdentifier
        self.name = name
    }
}

/// Why a device can't be used, or was lost. Its description is one sentence with the next step.
public struct DeviceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The cause, for programs.
    public enum Cause: String, Equatable, Sendable {
        /// Options out of their ranges, or a name that counts cards.
        case invalidOptions
        /// No device has that name.
        case notFound
        /// Another process holds it; `holders` names it where /proc tells.
        case busy
        /// The user may not use sound devices.
        case noPermission
        /// The device was pulled out or switched off.
        case unplugged
        /// The sound system behind the device went away.
        case daemonGone
        /// The device has no format, rate, channel count or access that can be used here.
        case unsupported
        /// The device delivers or takes nothing.
        case stalled
        /// The sound system does not answer at all.
        case unresponsive
        /// No descriptor, thread or memory was left.
        case outOfResources
        case failed
    }

    public let cause: Cause
    /// The device's ALSA name.
    public let device: String
    /// The errno behind it, positive; 0 when there is none.
    public let code: Int32
    /// Who holds a busy device, as far as it could be found.
    public let holders: [DeviceHolder]
    public let description: String

    public init(
        _ cause: Cause, device: String, code: Int32 = 0, holders: [DeviceHolder] = [], _ description: String
    ) {
        self.cause = cause
        self.device = device
        self.code = code
        self.holders = holders
        self.description = description
    }
}

import CALSA
import CALSAShims
import Glibc

/// Turns alsa-lib's error numbers into errors with a sentence.
enum DeviceFailure {
    /// The error for a negative number that an ALSA call returned while a device was opened or used.
    static func error(_ code: Int, device: String, direction: DeviceDirection) -> DeviceError {
        let number = Int32(clamping: -code)
        let holders = number == EBUSY ? DeviceHolders().holders(of: device, direction: direction) : []
        let (cause, sentence) = meaning(number, device: device, holders: holders)
        return DeviceError(cause, device: device, code: number, holders: holders, sentence)
    }

    private static func meaning(
        _ number: Int32, device: String, holders: [DeviceHolder]
    ) -> (DeviceError.Cause, String) {
        switch number {
        case EBUSY:
            let names = holders.map { "\($0.name) (PID \($0.processIdentifier))" }.joined(separator: ", ")
            let who = names.isEmpty ? "another program" : names
            return (.busy, "\(device) is in use by \(who); end that, or use the device named default")
        case ENOENT:
            return (.notFound, "there is no sound device \(device); quota-voice devices lists those that there are")
        case EACCES, EPERM:
            return (.noPermission, "\(device) may not be used by this user; add the user to the group audio")
        case ENODEV, ENXIO, EBADFD, ESHUTDOWN:
            return (.unplugged, "\(device) is gone; plug it in again")
        case EHOSTDOWN, ECONNREFUSED, ECONNRESET, ENOTCONN, EPIPE:
            return (.daemonGone, "the sound system behind \(device) is not running; start PipeWire or PulseAudio")
        case ETIMEDOUT:
            return (.unresponsive, "the sound system behind \(device) does not answer; restart PipeWire or PulseAudio")
        case ENOMEM, EMFILE, ENFILE, EAGAIN:
            return (.outOfResources, "\(device): \(text(number)); close other programs")
        case EINVAL:
            return (.unsupported, "\(device) can't be used: \(text(number)); try plug:'\(device)'")
        default:
            return (.failed, "\(device): \(text(number))")
        }
    }

    /// What alsa-lib said about it, or the system's words for the number.
    private static func text(_ number: Int32) -> String {
        let said = String(cString: cas_last_message())
        let words = String(cString: snd_strerror(-number))
        return said.isEmpty ? words : "\(words) (\(said))"
    }

    static func stalled(_ device: String) -> DeviceError {
        DeviceError(
            .stalled, device: device, "\(device) moves no sound, though it reports no error; check the sound system")
    }

    static func unresponsive(_ device: String) -> DeviceError {
        DeviceError(
            .unresponsive, device: device, code: ETIMEDOUT,
            "the sound system behind \(device) does not answer; restart PipeWire or PulseAudio")
    }
}

/// Why a sound file could not be read or written. Its description is one sentence with the next step.
public struct AudioFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The cause, for programs.
    public enum Cause: Equatable, Sendable {
        case missing, notReadable, notAudio, truncated, empty, notANumber, unsupportedFormat
        case exists, notWritable, diskFull, failed
    }

    public let cause: Cause
    public let description: String

    public init(_ cause: Cause, _ description: String) {
        self.cause = cause
        self.description = description
    }
}

import Foundation
import VoiceAudioFile
import VoiceConversion
import VoiceKit
import VoiceRelay

/// One file's conversion. Blocking: runs on a thread of its own.
struct ConvertJob {
    struct Settings: Sendable {
        let voice: String
        let rate: Int?
        let replaces: Bool
        /// Whether conversion costs credits; on this machine it costs nothing.
        let isPaid: Bool
        let cleanUp: CleanUpSettings
    }

    /// What became of a file.
    struct Outcome: Sendable {
        let item: ConvertPlan.Item
        let status: ExitStatus
        /// The sentence of a failure.
        let sentence: String?
        let soundSeconds: Double
        let seconds: Double
        let creditsUsed: Int?
        /// Samples that the file's format could not hold and cut off at full scale.
        var clippedSamples = 0
        /// How the sound travelled, and how much later than itself it came back.
        var wire: RelayWire?
        var delaySamples: Int?
    }

    let item: ConvertPlan.Item
    let settings: Settings
    let conversion: any SoundConversion

    func run(_ progress: ConversionProgress) -> Outcome {
        let start = ContinuousClock.now
        var soundSeconds = 0.0
        func outcome(_ status: ExitStatus, _ sentence: String?, credits: Int? = nil) -> Outcome {
            let elapsed = start.duration(to: .now) / .seconds(1)
            return Outcome(
                item: item, status: status, sentence: sentence, soundSeconds: soundSeconds, seconds: elapsed,
                creditsUsed: credits)
        }
        do {
            // A name that is taken is found out before any sound is sent, and paid for.
            let source = try FileSource(path: item.input)
            soundSeconds = Double(source.frames) / Double(source.sampleRate)
            let rate = try sinkRate(source.sampleRate)
            try makeFolder()
            let sink = try FileSink(
                item: item, sampleRate: rate, frames: source.frames / source.sampleRate * rate,
                replaces: settings.replaces)
            defer { sink.discard() }
            let cleaned = CleanedSource(source, settings: settings.cleanUp)
            let report = try conversion.run(from: cleaned, to: sink, progress: progress)
            try sink.commit()
            var result = outcome(.success, nil, credits: settings.isPaid ? report.creditsUsed : nil)
            result.clippedSamples = sink.clipped
            if settings.isPaid {
                result.wire = report.wire
                result.delaySamples = report.delaySamples
            }
            return result
        } catch let error as AudioFileError {
            return outcome(ExitStatus(error.cause), error.description)
        } catch let error as ConversionError {
            return outcome(ExitStatus(error.cause), error.description)
        } catch let failure as CommandFailure {
            return outcome(failure.status, failure.sentence)
        } catch {
            return outcome(.internalError, "\(item.input): \(error); please report this as a bug")
        }
    }

    /// A rate that was asked for is kept or refused; the source's own gives way where the format knows only others.
    private func sinkRate(_ sourceRate: Int) throws -> Int {
        let rate = item.format.supportedRate(for: settings.rate ?? sourceRate)
        guard settings.rate == nil || settings.rate == rate else {
            throw CommandFailure(
                status: .usage,
                sentence: "\(item.output): \(item.format.rawValue) can't have that rate; try --rate \(rate)")
        }
        return rate
    }

    private func makeFolder() throws {
        let folder = (item.output as NSString).deletingLastPathComponent
        guard !folder.isEmpty, !FileManager.default.fileExists(atPath: folder) else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                status: .cantCreate, sentence: "\(folder): the folder can't be made; choose another one with -o")
        }
    }
}

extension ExitStatus {
    init(_ cause: AudioFileError.Cause) {
        switch cause {
        case .missing, .notReadable: self = .noInput
        case .notAudio, .truncated, .empty, .notANumber: self = .badInput
        case .unsupportedFormat: self = .usage
        case .exists, .notWritable: self = .cantCreate
        case .diskFull, .failed: self = .inputOutput
        }
    }

    init(_ cause: ConversionError.Cause) {
        switch cause {
        case .unreachable: self = .unreachable
        case .badURL, .unsupportedRate, .unsupportedWire: self = .usage
        case .refused: self = .noPermission
        case .cancelled: self = .interrupted
        case .session(.closed(let code, _)):
            switch code {
            case .invalidAuth: self = .noPermission
            case .balanceExhausted: self = .balanceExhausted
            case .sessionTimeout: self = .sessionTimeout
            case .formatViolation: self = .protocolError
            case .webSocket(1008, _): self = .usage
            case .upstreamDisconnected, .heartbeatLost, .normal: self = .tryAgain
            case .webSocket, .other: self = code.isReconnectable ? .tryAgain : .protocolError
            }
        case .session(.violation): self = .protocolError
        case .session(.silent), .session(.incomplete): self = .tryAgain
        }
    }
}

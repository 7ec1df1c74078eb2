import CSndFile
import Glibc

/// Reads any file that libsndfile knows as interleaved floats, full scale at ±1.
///
/// One thread at a time. Blocking. Closes the file when it is let go.
public final class AudioFileReader {
    public let sampleRate: Int
    public let channels: Int
    /// Frames the file says it has, held against its size where the format allows.
    public let frames: Int
    /// For people: "WAV (Microsoft), Signed 16 bit PCM".
    public let formatName: String
    private let handle: OpaquePointer
    private let name: String
    private var framesRead = 0

    /// Opens `path`; `-` stands for standard input, which is copied to an unnamed temporary file first, since most
    /// formats have to be read back and forth.
    public convenience init(path: String) throws(AudioFileError) {
        if path == "-" {
            try self.init(descriptor: Self.spoolStandardInput(), name: "standard input")
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ENOENT || errno == ENOTDIR
                ? AudioFileError(.missing, "\(path): no such file; check the name")
                : AudioFileError(.notReadable, "\(path): can't be opened (\(errorText(errno))); check its permissions")
        }
        try self.init(descriptor: descriptor, name: path)
    }

    /// Takes over `descriptor`, which is closed also when this fails.
    private init(descriptor: Int32, name: String) throws(AudioFileError) {
        self.name = name
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw AudioFileError(.notAudio, "\(name): not a file; give a sound file, or - with a pipe")
        }
        guard status.st_size > 0 else {
            close(descriptor)
            throw AudioFileError(.empty, "\(name): the file is empty; record or copy it again")
        }
        let problem: String? =
            switch WaveHeader.check(descriptor: descriptor, fileBytes: UInt64(status.st_size)) {
            case .plausible: nil
            case .truncated(let claimed, let present):
                "the header promises \(claimed) bytes of sound but \(present) are there; copy the file again"
            case .unfinished(let present):
                "the header promises no sound but \(present) bytes are there (a recorder that was killed?); record again"
            }
        if let problem {
            close(descriptor)
            throw AudioFileError(
                .truncated, "\(name): \(problem), or keep what there is with: sox --ignore-length IN.wav OUT.wav")
        }
        var info = SF_INFO()
        guard let handle = sf_open_fd(descriptor, Int32(SFM_READ), &info, 1) else {
            let reason = String(cString: sf_strerror(nil))
            close(descriptor)
            throw AudioFileError(
                .notAudio,
                "\(name): not a sound file that can be read (\(trimmed(reason))); convert it to WAV or FLAC first")
        }
        self.handle = handle
        sampleRate = Int(info.samplerate)
        channels = Int(info.channels)
        frames = Int(info.frames)
        formatName = Self.formatName(handle, info.format)
        guard frames > 0 else {
            sf_close(handle)
            throw AudioFileError(.empty, "\(name): there is no sound in it (0 samples); record or copy it again")
        }
        guard (4_000...384_000).contains(sampleRate), (1...64).contains(channels) else {
            sf_close(handle)
            throw AudioFileError(
                .unsupportedFormat,
                "\(name): \(sampleRate) Hz with \(channels) channels is out of range (4,000 to 384,000 Hz, 64 channels)"
            )
        }
    }

    deinit {
        sf_close(handle)
    }

    /// Fills `buffer` with whole interleaved frames and returns how many; 0 at the end.
    ///
    /// - Throws: ``AudioFileError`` for a sample that is not a number, or sound that ends before the header said.
    public func read(into buffer: UnsafeMutableBufferPointer<Float>) throws(AudioFileError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        let wanted = min(buffer.count / channels, frames - framesRead)
        guard wanted > 0 else { return 0 }
        let count = Int(sf_readf_float(handle, base, sf_count_t(wanted)))
        guard count > 0 else {
            throw AudioFileError(
                .truncated,
                "\(name): the sound stops after \(seconds(framesRead)) of \(seconds(frames)); the file is damaged, copy it again"
            )
        }
        for index in 0..<count * channels where !base[index].isFinite {
            throw AudioFileError(
                .notANumber,
                "\(name): a sample at \(seconds(framesRead + index / channels)) is not a number; "
                    + "the program that wrote the file is at fault, export it again (16-bit PCM is safe)")
        }
        framesRead += count
        return count
    }

    private func seconds(_ frames: Int) -> String {
        let milliseconds = frames * 1000 / sampleRate
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) s"
    }

    private static func formatName(_ handle: OpaquePointer, _ format: Int32) -> String {
        [format & Int32(SF_FORMAT_TYPEMASK), format & Int32(SF_FORMAT_SUBMASK)].map { (part: Int32) -> String in
            var info = SF_FORMAT_INFO()
            info.format = part
            guard sf_command(nil, Int32(SFC_GET_FORMAT_INFO), &info, Int32(MemoryLayout<SF_FORMAT_INFO>.size)) == 0,
                let name = info.name
            else { return "unknown" }
            return String(cString: name)
        }.joined(separator: ", ")
    }

    private static func spoolStandardInput() throws(AudioFileError) -> Int32 {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/quota-voice-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw AudioFileError(
                .notWritable, "\(folder): no room for a copy of standard input (\(errorText(errno))); set TMPDIR")
        }
        unlink(template)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(STDIN_FILENO, &block, block.count)
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0, write(descriptor, block, count) == count else {
                let reason = errorText(errno)
                close(descriptor)
                throw AudioFileError(
                    .failed, "standard input can't be copied to \(folder) (\(reason)); set TMPDIR to a folder with room"
                )
            }
        }
        lseek(descriptor, 0, SEEK_SET)
        return descriptor
    }
}

func errorText(_ number: Int32) -> String {
    String(cString: strerror(number))
}

/// libsndfile ends its sentences with a full stop or a line break; ours go on.
func trimmed(_ text: String) -> String {
    var text = text
    while let last = text.last, last == "." || last.isWhitespace { text.removeLast() }
    return text
}

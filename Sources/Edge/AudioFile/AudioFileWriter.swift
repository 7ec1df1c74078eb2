import CSndFile
import Glibc

/// Writes a mono sound file that appears under its name only when it is whole.
///
/// Samples go to a temporary name in the same folder; ``commit()`` flushes it to the disk and renames it. Let go before
/// that, or ``discard()``, nothing is left. One thread at a time. Blocking.
public final class AudioFileWriter {
    public let path: String
    public let temporaryPath: String
    private let option: String
    private let folder: String
    private let replaces: Bool
    private var handle: OpaquePointer?
    private var descriptor: Int32

    /// - Parameters:
    ///   - path: where the result will lie.
    ///   - frames: how many will come, about: decides between WAV and RF64. nil where nobody knows; it is then a WAV
    ///     unless it became too long for one.
    ///   - replaces: whether a file of that name may be replaced. Otherwise it is refused here, and once more,
    ///     atomically, at ``commit()``.
    ///   - option: the one that chose the name, for errors.
    public init(
        path: String, sampleRate: Int, format: AudioFileFormat, frames: Int?, replaces: Bool, option: String = "-o"
    ) throws(AudioFileError) {
        self.path = path
        self.option = option
        self.replaces = replaces
        let slash = path.lastIndex(of: "/")
        folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard replaces || access(path, F_OK) != 0 else { throw Self.exists(path, option) }
        temporaryPath = "\(folder)/.\(name).\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 36)).part"
        descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw AudioFileError(
                errno == ENOSPC ? .diskFull : .notWritable,
                "\(folder): can't write there (\(errorText(errno))); choose another folder with \(option)")
        }
        var info = SF_INFO()
        info.samplerate = Int32(sampleRate)
        info.channels = 1
        info.format = format.code(frames: frames)
        handle = sf_open_fd(descriptor, Int32(SFM_WRITE), &info, 0)
        guard let handle else {
            let reason = trimmed(String(cString: sf_strerror(nil)))
            discard()
            throw AudioFileError(
                .unsupportedFormat,
                "\(path): \(format.rawValue) at \(sampleRate) Hz can't be written (\(reason)); try --format wav")
        }
        // Values beyond full scale are clipped, not wrapped around.
        sf_command(handle, Int32(SFC_SET_CLIPPING), nil, Int32(SF_TRUE))
        sf_command(handle, Int32(SFC_RF64_AUTO_DOWNGRADE), nil, Int32(SF_TRUE))
    }

    deinit {
        discard()
    }

    /// Appends samples, full scale at ±1.
    public func write(_ samples: UnsafeBufferPointer<Float>) throws(AudioFileError) {
        guard let handle, let base = samples.baseAddress else { return }
        try check(sf_write_float(handle, base, sf_count_t(samples.count)) == sf_count_t(samples.count))
    }

    /// Appends 16-bit samples exactly as they are.
    public func write(_ samples: UnsafeBufferPointer<Int16>) throws(AudioFileError) {
        guard let handle, let base = samples.baseAddress else { return }
        try check(sf_write_short(handle, base, sf_count_t(samples.count)) == sf_count_t(samples.count))
    }

    /// Makes what was written so far readable under the temporary name, should this process die.
    public func updateHeader() {
        if let handle { sf_command(handle, Int32(SFC_UPDATE_HEADER_NOW), nil, 0) }
    }

    /// After a write that failed: gives what was written before it its name.
    ///
    /// - Returns: whether that could be done.
    public func keep() -> Bool {
        guard let handle else { return false }
        self.handle = nil
        sf_close(handle)
        fsync(descriptor)
        return (try? giveName()) != nil
    }

    /// Finishes the file, brings it to the disk and gives it its name.
    public func commit() throws(AudioFileError) {
        guard let handle else { return }
        self.handle = nil
        let closed = sf_close(handle)
        let synced = closed == 0 ? fsync(descriptor) : 0
        guard closed == 0, synced == 0 else {
            let error = writeError(errno)
            discard()
            throw error
        }
        try giveName()
    }

    private func giveName() throws(AudioFileError) {
        close(descriptor)
        descriptor = -1
        guard replaces ? rename(temporaryPath, path) == 0 : try linkWithoutReplacing() else {
            let reason = errorText(errno)
            unlink(temporaryPath)
            throw AudioFileError(
                .notWritable, "\(path): can't be written (\(reason)); choose another name with \(option)")
        }
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// Removes what was written so far. Nothing happens after ``commit()``.
    public func discard() {
        if let handle { sf_close(handle) }
        handle = nil
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporaryPath)
    }

    /// A hard link fails where the name is taken, which a rename does not.
    private func linkWithoutReplacing() throws(AudioFileError) -> Bool {
        if link(temporaryPath, path) == 0 {
            unlink(temporaryPath)
            return true
        }
        if errno == EEXIST {
            unlink(temporaryPath)
            throw Self.exists(path, option)
        }
        // A file system without hard links (FAT, some network shares).
        return access(path, F_OK) != 0 && rename(temporaryPath, path) == 0
    }

    private func check(_ succeeded: Bool) throws(AudioFileError) {
        if !succeeded { throw writeError(errno) }
    }

    private func writeError(_ number: Int32) -> AudioFileError {
        let other = "choose another folder with \(option)"
        return number == ENOSPC || number == EDQUOT
            ? AudioFileError(.diskFull, "\(folder): the disk is full; make room or \(other)")
            : AudioFileError(.failed, "\(path): writing failed (\(errorText(number))); check the disk, or \(other)")
    }

    private static func exists(_ path: String, _ option: String) -> AudioFileError {
        AudioFileError(
            .exists, "\(path): exists already; give --force to replace it, or another name with \(option)")
    }
}

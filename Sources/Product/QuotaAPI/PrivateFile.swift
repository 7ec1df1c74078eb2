import Foundation

/// Files that are their owner's alone: made so, checked to be so, replaced as a whole.
enum PrivateFile {
    static let bytesMax = 1 << 20

    /// The file's bytes; `nil` where there is none.
    ///
    /// - Throws: ``TokenStoreError/unsafe(path:reason:)`` for a file that others can read or own, and for a link.
    static func read(_ path: String) throws(TokenStoreError) -> Data? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            if errno == ELOOP { throw .unsafe(path: path, reason: "it is a link") }
            throw .io(path: path, errno: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .io(path: path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unsafe(path: path, reason: "it is no file") }
        guard status.st_uid == geteuid() else { throw .unsafe(path: path, reason: "it belongs to another user") }
        guard status.st_mode & 0o077 == 0 else {
            throw .unsafe(path: path, reason: "others may read it (chmod 600 it, and sign in again)")
        }
        guard status.st_size <= bytesMax else { throw .damaged(path: path) }
        var bytes = Data()
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .io(path: path, errno: errno) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= bytesMax else { throw .damaged(path: path) }
        }
    }

    /// Puts `bytes` in the file's place: a reader, or a crash, sees the old file or the new one.
    ///
    /// - Parameter onlyNew: fails with `EEXIST` where there is a file already.
    static func write(_ bytes: Data, to path: String, onlyNew: Bool = false) throws(TokenStoreError) {
        let temporary = "\(path).\(getpid()).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .io(path: path, errno: errno) }
        defer { unlink(temporary) }
        do {
            defer { close(descriptor) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw TokenStoreError.io(path: path, errno: errno) }
                rest = rest.dropFirst(count)
            }
            guard fsync(descriptor) == 0 else { throw TokenStoreError.io(path: path, errno: errno) }
        } catch let error as TokenStoreError {
            throw error
        } catch {
            throw .io(path: path, errno: EIO)
        }
        guard (onlyNew ? link(temporary, path) : rename(temporary, path)) == 0 else {
            throw .io(path: path, errno: errno)
        }
        // The new name survives a power cut only once the folder is on the disk too.
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// Makes the folder for its owner alone, or checks that others can't write to it.
    static func prepareFolder(_ path: String) throws(TokenStoreError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .io(path: path, errno: EACCES)
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw .io(path: path, errno: errno) }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw .unsafe(path: path, reason: "others may write to this folder")
        }
    }
}

/// A lock that excludes other processes, and other users of it in this one (`flock`).
struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Waits up to `wait` for its turn. Its end, also that of the process, gives the lock back.
    init(_ path: String, wait: Duration = .seconds(30)) async throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw TokenStoreError.io(path: path, errno: errno) }
        let end = ContinuousClock.now.advanced(by: wait)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, ContinuousClock.now < end else {
                close(descriptor)
                throw TokenStoreError.busy(path: path)
            }
            do {
                try await Task.sleep(for: .milliseconds(10))
            } catch {
                close(descriptor)
                throw error
            }
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }
}

/// Why tokens can't be stored or found.
public enum TokenStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    case unsafe(path: String, reason: String)
    /// Not a token file, or written with another key.
    case damaged(path: String)
    /// The key is in the keyring of this desktop, which doesn't answer.
    case keyringUnavailable
    case busy(path: String)
    case io(path: String, errno: Int32)

    public var description: String {
        switch self {
        case .unsafe(let path, let reason): "\(path): \(reason)"
        case .damaged(let path): "\(path): can't be read with its key; remove it and sign in again"
        case .keyringUnavailable: "the key of the stored sign-in is in the keyring, which is locked or not running"
        case .busy(let path): "\(path): another program holds it; try again"
        case .io(let path, let code): "\(path): \(String(cString: strerror(code)))"
        }
    }
}

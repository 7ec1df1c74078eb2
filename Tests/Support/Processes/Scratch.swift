import Foundation

/// A temporary folder that goes away with this object.
public final class Scratch: Sendable {
    public let path: String

    public init() throws {
        var template = Array("\(NSTemporaryDirectory())quota-voice-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ProcessFailure("no temporary folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Remains.add(path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        Remains.remove(path)
    }

    public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    public func write(_ name: String, _ data: Data) throws -> String {
        try data.write(to: URL(fileURLWithPath: self(name)))
        return self(name)
    }

    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String { try write(name, Data(text.utf8)) }

    /// A script that can be run at once; see ``writeProgram(_:to:)``.
    @discardableResult
    public func program(_ name: String, _ text: String) throws -> String {
        try writeProgram(text, to: self(name))
        return self(name)
    }

    public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self(name)) }

    public func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self(name))) }

    /// Every file below the folder, hidden ones too.
    public var files: [String] {
        (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).sorted()
    }
}

/// Writes a script, and returns when it can be run.
///
/// A process that is being started has the files of this one open for a moment, and the kernel runs nothing that anyone
/// may still write to ("text file busy").
public func writeProgram(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    guard chmod(path, 0o700) == 0 else { throw ProcessFailure("\(path) can't be made a program") }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ProcessFailure("\(path) can't be opened") }
    defer { close(descriptor) }
    // Linux's F_SETLEASE: to be had for reading while nobody has the file open for writing.
    let setLease: Int32 = 1_024
    var tries = 0
    while fcntl(descriptor, setLease, Int32(F_RDLCK)) != 0, errno == EAGAIN, tries < 60_000 {
        usleep(1_000)
        tries += 1
    }
    _ = fcntl(descriptor, setLease, Int32(F_UNLCK))
}

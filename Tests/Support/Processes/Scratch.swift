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

    public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self(name)) }

    public func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self(name))) }

    /// Every file below the folder, hidden ones too.
    public var files: [String] {
        (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).sorted()
    }
}

import Foundation

/// Where the tests find what they need: the checkout they were built from, and the binary beside their own.
public enum Checkout {
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// The command under test, built together with this test runner.
    public static let binary: String = {
        let runner = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return ((runner ?? "") as NSString).deletingLastPathComponent + "/quota-voice"
    }()

    /// Debian's Python, which has Debian's `websockets`.
    public static let python = "/usr/bin/python3"

    public static func peer(_ script: String) -> String { "\(root)/Tests/Support/Peers/\(script)" }

    public static func fixture(_ name: String) -> String { "\(root)/fixtures/\(name)" }
}

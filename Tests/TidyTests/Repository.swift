import Foundation

/// The checkout that these tests belong to.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct File {
        /// Relative to the root: `Sources/Core/Signal/Resampler.swift`.
        let path: String
        let lines: [Substring]
    }

    /// Every file below `folder` with one of the endings, build folders left out.
    static func files(below folder: String, endings: Set<String> = ["swift"]) throws -> [File] {
        let base = root.appendingPathComponent(folder)
        guard let walker = FileManager.default.enumerator(atPath: base.path) else { return [] }
        var files: [File] = []
        for case let relative as String in walker {
            if (relative as NSString).lastPathComponent.hasPrefix(".") {
                walker.skipDescendants()
                continue
            }
            guard endings.contains((relative as NSString).pathExtension) else { continue }
            let text = try String(contentsOf: base.appendingPathComponent(relative), encoding: .utf8)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            files.append(File(path: "\(folder)/\(relative)", lines: lines))
        }
        return files.sorted { $0.path < $1.path }
    }
}

import Foundation
import Testing

/// The articles' code compiles: each block stands, line by line, in `ArticleSnippets.swift`.
@Suite struct ArticleTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let catalogue = tests.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/Product/QuotaAPI/QuotaAPI.docc")

    private func blocks(_ text: String) -> [[String]] {
        var blocks: [[String]] = []
        var isOpen = false
        for line in text.components(separatedBy: "\n") {
            if line == "```swift" {
                isOpen = true
                blocks.append([])
            } else if line == "```" {
                isOpen = false
            } else if isOpen {
                blocks[blocks.count - 1].append(line)
            }
        }
        return blocks
    }

    @Test func everyBlockIsCompiled() throws {
        let snippets = try String(
            contentsOf: Self.tests.appendingPathComponent("ArticleSnippets.swift"), encoding: .utf8
        ).components(separatedBy: "\n")
        let articles = try FileManager.default.contentsOfDirectory(atPath: Self.catalogue.path).filter {
            $0.hasSuffix(".md")
        }
        #expect(articles.count == 6)
        for article in articles {
            let text = try String(contentsOf: Self.catalogue.appendingPathComponent(article), encoding: .utf8)
            let blocks = blocks(text)
            #expect(!blocks.isEmpty, "\(article) has no code")
            for block in blocks {
                let indented = block.map { $0.isEmpty ? $0 : "    " + $0 }
                let isThere = snippets.indices.contains { start in
                    snippets[start...].prefix(block.count).elementsEqual(indented)
                }
                #expect(isThere, "\(article): not in ArticleSnippets.swift:\n\(block.joined(separator: "\n"))")
            }
        }
    }
}

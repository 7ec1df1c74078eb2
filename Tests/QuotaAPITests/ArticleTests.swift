import Foundation
import Testing

/// The articles' code compiles: each block stands, line by line, in `ArticleSnippets.swift`.
@Suite struct ArticleTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    private static let catalogue = tests.deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/Product/QuotaAPI/QuotaAPI.docc")

    /// The Swift blocks of a text. In the catalogue every fence says its language, so that none hides.
    private func blocks(_ text: String, _ name: String, isCatalogue: Bool) -> [[String]] {
        var blocks: [[String]] = []
        var language: String?
        for line in text.components(separatedBy: "\n") {
            let plain = line.trimmingCharacters(in: .whitespaces)
            #expect(!plain.hasPrefix("~~~"), "\(name): \(line)")
            if plain.hasPrefix("```") {
                #expect(plain == line, "\(name): an indented fence")
                let word = String(plain.dropFirst(3))
                if language == nil {
                    #expect(!word.isEmpty || !isCatalogue, "\(name): \(line)")
                    if word == "swift" { blocks.append([]) }
                    language = word
                } else {
                    #expect(word == "", "\(name): \(line)")
                    language = nil
                }
            } else if language == "swift" {
                blocks[blocks.count - 1].append(line)
            }
        }
        #expect(language == nil, "\(name): an open fence")
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
        let root = Self.tests.deletingLastPathComponent().deletingLastPathComponent()
        let others = ["README.md", "docs/server.md", "docs/voices.md"].map { root.appendingPathComponent($0) }
        for article in articles.map(Self.catalogue.appendingPathComponent) + others {
            let text = try String(contentsOf: article, encoding: .utf8)
            let blocks = blocks(text, article.lastPathComponent, isCatalogue: !others.contains(article))
            #expect(!blocks.isEmpty || others.contains(article), "\(article) has no code")
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

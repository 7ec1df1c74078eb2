import Foundation
import Testing

/// Size and shape of the files. A rule that a person would have to remember is a test here.
@Suite struct ShapeTests {
    private static let linesMax = 500
    private static let functionLinesMax = 70
    private static let columnsMax = 120

    private func swiftFiles() throws -> [Repository.File] {
        try Repository.files(below: "Sources") + Repository.files(below: "Tests")
            + Repository.files(below: "Benchmarks") + Repository.files(below: "Examples")
    }

    @Test func filesFitOneRoom() throws {
        for file in try swiftFiles() {
            #expect(
                file.lines.count <= Self.linesMax,
                "\(file.path) has \(file.lines.count) lines, at most \(Self.linesMax): split it by its nouns")
        }
    }

    @Test func functionsFitOneScreen() throws {
        for file in try swiftFiles() {
            for function in Self.functions(in: file.lines) {
                #expect(
                    function.length <= Self.functionLinesMax,
                    "\(file.path):\(function.line): \(function.length) lines, at most \(Self.functionLinesMax): name a part of it"
                )
            }
        }
    }

    @Test func aLongFunctionIsNoticed() {
        let body = Array(repeating: Substring("        let x = 1"), count: 80)
        let lines: [Substring] = ["struct A {", "    func f(", "        a: Int", "    ) {"] + body + ["    }", "}"]
        let functions = Self.functions(in: lines)
        #expect(functions.count == 1)
        #expect(functions.first?.length == 84)
    }

    @Test func cLinesFitTheScreen() throws {
        for file in try Repository.files(below: "Sources", endings: ["c", "h"]) {
            for (number, line) in file.lines.enumerated() {
                #expect(line.count <= Self.columnsMax, "\(file.path):\(number + 1): \(line.count) columns")
            }
        }
    }

    @Test func nothingIsLeftForLater() throws {
        // Put together here, so that this file does not find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "fatalError(\"not " + "impl"]
        for file in try swiftFiles() {
            for (number, line) in file.lines.enumerated() {
                for mark in marks where line.contains(mark) {
                    Issue.record("\(file.path):\(number + 1): \(mark): do it or leave it out")
                }
            }
        }
    }

    private struct Function {
        let line: Int
        let length: Int
    }

    /// By indentation, which the formatter guarantees: from `func`, `init` or `deinit` to the brace below its first letter.
    private static func functions(in lines: [Substring]) -> [Function] {
        let start = /^( *)((@\w+(\(.*\))?|\w+(\(set\))?) )*(func \S|init[?(<]|deinit \{)/
        var functions: [Function] = []
        for (number, line) in lines.enumerated() {
            guard let match = line.firstMatch(of: start) else { continue }
            let indent = match.output.1
            let end = lines[number...].firstIndex { $0 == indent + "}" }
            // A protocol's requirement has no body; the next brace at its depth is then that of something else.
            let next = lines[(number + 1)...].firstIndex {
                !$0.hasPrefix(indent + " ") && !$0.hasPrefix(indent + ")") && !$0.isEmpty
            }
            guard let end, let next, end == next else { continue }
            functions.append(Function(line: number + 1, length: end - number + 1))
        }
        return functions
    }
}

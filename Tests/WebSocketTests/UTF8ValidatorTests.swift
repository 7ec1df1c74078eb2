import Testing
import VoiceWebSocket

@Suite("UTF-8 validator")
struct UTF8ValidatorTests {
    func isValid(_ bytes: [UInt8], pieceBytes: Int = .max) -> Bool {
        var validator = UTF8Validator()
        var start = 0
        while start < bytes.count {
            let end = pieceBytes == .max ? bytes.count : min(bytes.count, start + pieceBytes)
            let isFine = bytes[start..<end].withUnsafeBytes { piece in validator.accept(piece) }
            guard isFine else { return false }
            start = end
        }
        return validator.isComplete
    }

    @Test("takes every Unicode scalar")
    func scalars() {
        var failures = 0
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = UnicodeScalar(value) else { continue }
            if !isValid(Array(String(Character(scalar)).utf8)) { failures += 1 }
        }
        #expect(failures == 0)
    }

    @Test("agrees with the standard library on every sequence of up to three bytes, and on prefixes of four")
    func shortSequences() {
        var disagreements = 0
        func compare(_ bytes: [UInt8]) {
            if isValid(bytes) != (String(validating: bytes, as: UTF8.self) != nil) { disagreements += 1 }
        }
        // All that decides is at the borders of the ranges of RFC 3629 §4, so two bytes are tried in full, and the
        // third and fourth at the borders.
        let borders: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xF4, 0xFF]
        for first in UInt8.min...UInt8.max {
            compare([first])
            for second in UInt8.min...UInt8.max {
                compare([first, second])
                for third in borders {
                    compare([first, second, third])
                    guard first >= 0xE0 else { continue }
                    for fourth in borders { compare([first, second, third, fourth]) }
                }
            }
        }
        #expect(disagreements == 0)
    }

    @Test("gives the same answer wherever the text is split")
    func splits() {
        var random = SplitMix(seed: 9)
        let parts = ["plain ASCII of some length, more than a block of thirty-two", "κόσμε", "\u{10FFFF}", "日本", "\0"]
        for _ in 0..<300 {
            var bytes = (0..<4).flatMap { _ in Array((parts.randomElement(using: &random) ?? "").utf8) }
            if Bool.random(using: &random), !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let expected = String(validating: bytes, as: UTF8.self) != nil
            for pieceBytes in [1, 2, 3, 31, 32, 33, .max] {
                #expect(isValid(bytes, pieceBytes: pieceBytes) == expected)
            }
        }
    }

    @Test(
        "fails at the first byte that can't be right",
        arguments: [
            [0xC0], [0xC1], [0xF5], [0x80], [0xE0, 0x9F], [0xED, 0xA0], [0xF0, 0x8F], [0xF4, 0x90], [0xE2, 0x41],
        ] as [[UInt8]])
    func earliest(bytes: [UInt8]) {
        var validator = UTF8Validator()
        let areAccepted = bytes.dropLast().map { validator.accept($0) }
        #expect(!areAccepted.contains(false))
        let isLastAccepted = validator.accept(bytes[bytes.count - 1])
        #expect(!isLastAccepted)
    }

    @Test("a text may not end inside of a character")
    func incomplete() {
        #expect(!isValid([0x41, 0xE2, 0x82]))
        #expect(isValid([0x41, 0xE2, 0x82, 0xAC]))
    }
}

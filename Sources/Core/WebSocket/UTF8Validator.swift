/// Checks UTF-8 that arrives in pieces: overlong forms, surrogates and what lies beyond U+10FFFF are refused at the
/// first byte that can't be right (RFC 3629 §4; RFC 6455 §8.1 wants a connection failed as early as that).
public struct UTF8Validator: Sendable {
    /// Continuation bytes that the current character still needs.
    private var needed = 0
    /// The range that the next continuation byte must lie in: narrower than 80...BF behind E0, ED, F0 and F4.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    public init() {}

    /// Whether the text may end here, that is, not inside of a character.
    public var isComplete: Bool { needed == 0 }

    /// Takes the next bytes; false as soon as no continuation could make the text valid. Not to be called again then.
    public mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        let count = bytes.count
        while index < count {
            if needed == 0 {
                index = Self.skipASCII(bytes, from: index)
                guard index < count else { return true }
            }
            guard accept(bytes[index]) else { return false }
            index &+= 1
        }
        return true
    }

    /// The same byte by byte: also the oracle of the fast path.
    public mutating func accept(_ byte: UInt8) -> Bool {
        guard needed == 0 else {
            guard byte >= lower && byte <= upper else { return false }
            needed &-= 1
            lower = 0x80
            upper = 0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: needed = 1
        case 0xE0...0xEF:
            needed = 2
            if byte == 0xE0 { lower = 0xA0 }
            if byte == 0xED { upper = 0x9F }
        case 0xF0...0xF4:
            needed = 3
            if byte == 0xF0 { lower = 0x90 }
            if byte == 0xF4 { upper = 0x8F }
        case _: return false
        }
        return true
    }

    /// The index of the first byte at or behind `start` that is not ASCII.
    private static func skipASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        let count = bytes.count
        while index &+ 32 <= count {
            let block = bytes.loadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            let folded = block[0] | block[1] | block[2] | block[3]
            if folded & 0x8080_8080_8080_8080 != 0 { break }
            index &+= 32
        }
        while index < count && bytes[index] < 0x80 { index &+= 1 }
        return index
    }
}

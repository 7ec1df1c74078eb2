import Foundation

/// A grey picture and its PNG form (ISO/IEC 15948), not compressed: a few tens of kilobytes need no library.
struct GreyImage {
    let width: Int
    let height: Int
    /// Row by row from the top, 0 black.
    var pixels: [UInt8]

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: width * height)
    }

    var png: Data {
        var raw = Data()
        for row in 0..<height {
            raw.append(0)  // no filter
            raw.append(contentsOf: pixels[row * width..<(row + 1) * width])
        }
        var data = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        data += Self.chunk("IHDR", Self.bigEndian(width) + Self.bigEndian(height) + Data([8, 0, 0, 0, 0]))
        data += Self.chunk("IDAT", Self.stored(raw))
        data += Self.chunk("IEND", Data())
        return data
    }

    /// A zlib stream (RFC 1950) of stored blocks (RFC 1951 §3.2.4).
    private static func stored(_ raw: Data) -> Data {
        var stream = Data([0x78, 0x01])
        var rest = raw[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for number in [length, ~length] { stream.append(contentsOf: [UInt8(number & 0xFF), UInt8(number >> 8)]) }
            stream.append(block)
        } while !rest.isEmpty
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in raw {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        return stream + bigEndian(Int(high << 16 | low))
    }

    private static func chunk(_ type: String, _ content: Data) -> Data {
        let body = Data(type.utf8) + content
        var remainder: UInt32 = 0xFFFF_FFFF
        for byte in body {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1 }
        }
        return bigEndian(content.count) + body + bigEndian(Int(~remainder))
    }

    private static func bigEndian(_ number: Int) -> Data {
        Data([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) })
    }
}

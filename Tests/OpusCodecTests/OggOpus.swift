import Foundation

/// Just enough of Ogg Opus (RFC 7845, RFC 3533) to meet other programs with packets.
enum OggOpus {
    /// A file of mono packets.
    ///
    /// - Parameters:
    ///   - preSkip: at 48 kHz.
    ///   - packetSamples: of each packet, at 48 kHz.
    static func file(_ packets: [[UInt8]], preSkip: Int, packetSamples: Int) -> Data {
        let head = Array("OpusHead".utf8) + [1, 1] + little(preSkip, 2) + little(16_000, 4) + little(0, 2) + [0]
        let tags = Array("OpusTags".utf8) + little(4, 4) + Array("test".utf8) + little(0, 4)
        var pages = page([head], granule: 0, number: 0, flags: 2) + page([tags], granule: 0, number: 1, flags: 0)
        for (index, packet) in packets.enumerated() {
            pages += page(
                [packet], granule: (index + 1) * packetSamples, number: index + 2,
                flags: index == packets.count - 1 ? 4 : 0)
        }
        return Data(pages)
    }

    /// The sound packets of a file; none may cross a page.
    static func packets(_ data: Data) throws -> [[UInt8]] {
        let bytes = [UInt8](data)
        var packets: [[UInt8]] = []
        var packet: [UInt8] = []
        var offset = 0
        while offset + 27 <= bytes.count {
            let laces = bytes[(offset + 27)..<(offset + 27 + Int(bytes[offset + 26]))]
            offset += 27 + laces.count
            for lace in laces {
                packet += bytes[offset..<offset + Int(lace)]
                offset += Int(lace)
                if lace < 255 {
                    packets.append(packet)
                    packet = []
                }
            }
        }
        // OpusHead and OpusTags come first.
        return Array(packets.dropFirst(2))
    }

    private static func page(_ packets: [[UInt8]], granule: Int, number: Int, flags: UInt8) -> [UInt8] {
        let laces = packets.flatMap { [UInt8](repeating: 255, count: $0.count / 255) + [UInt8($0.count % 255)] }
        var page = Array("OggS".utf8) + [0, flags] + little(granule, 8) + little(7, 4) + little(number, 4)
        page += little(0, 4) + [UInt8(laces.count)] + laces + packets.flatMap { $0 }
        let sum = checksum(page)
        page.replaceSubrange(22..<26, with: little(Int(sum), 4))
        return page
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// RFC 3533 §6: polynomial 0x04C11DB7, nothing inverted.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.reduce(UInt32(0)) { sum, byte in
            var sum = sum ^ UInt32(byte) << 24
            for _ in 0..<8 { sum = sum & 0x8000_0000 != 0 ? sum << 1 ^ 0x04C1_1DB7 : sum << 1 }
            return sum
        }
    }
}

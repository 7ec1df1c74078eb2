import Glibc

/// A sentence of the repository's fixtures.
struct Speech {
    let rate: Int
    let samples: [Float]

    /// Reads 16-bit mono WAV, which is what `fixtures` holds.
    init(fixture name: String) {
        let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
        let path = "\(root)/fixtures/\(name)"
        let bytes = Self.contents(of: path)
        func number(_ place: Int, _ count: Int) -> Int {
            bytes[place..<(place + count)].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes.count > 44, bytes[8..<12].elementsEqual("WAVE".utf8) else { fatalError("\(path): no WAV file") }
        var (rate, samples) = (0, [Float]())
        var place = 12
        while place + 8 <= bytes.count {
            let size = number(place + 4, 4)
            if bytes[place..<(place + 4)].elementsEqual("fmt ".utf8) { rate = number(place + 12, 4) }
            if bytes[place..<(place + 4)].elementsEqual("data".utf8) {
                let end = min(place + 8 + size, bytes.count - 1)
                samples = stride(from: place + 8, to: end, by: 2).map {
                    Float(Int16(truncatingIfNeeded: number($0, 2))) / 32768
                }
            }
            place += 8 + size + size % 2
        }
        self.rate = rate
        self.samples = samples
    }

    init(rate: Int, samples: [Float]) {
        self.rate = rate
        self.samples = samples
    }

    private static func contents(of path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { fatalError("\(path): can't be read") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
        return bytes
    }
}

import Glibc

/// What the header of a RIFF/WAVE or RF64 file claims, held against what the file has.
///
/// libsndfile mends a wrong length silently, and a recording cut short in a copy then looks whole. Source: Microsoft's
/// "Multimedia Programming Interface and Data Specifications 1.0"; EBU Tech 3306 for RF64.
struct WaveHeader {
    enum Verdict: Equatable {
        /// Not RIFF at all, or as long as it says, or written to a pipe (length unknown).
        case plausible
        /// The data chunk promises `claimed` bytes, the file holds `present`.
        case truncated(claimed: UInt64, present: UInt64)
        /// The data chunk says that it is empty, but `present` bytes follow.
        case unfinished(present: UInt64)
    }

    /// Bounds the walk through a hostile file.
    private static let chunksMax = 1000

    /// Judges the file behind `descriptor`, which keeps its position.
    static func check(descriptor: Int32, fileBytes: UInt64) -> Verdict {
        guard let head = read(descriptor, at: 0, count: 12), tag(head, 8) == "WAVE" else { return .plausible }
        let isRF64 = tag(head, 0) == "RF64"
        guard isRF64 || tag(head, 0) == "RIFF" else { return .plausible }
        var position: UInt64 = 12
        var longDataBytes: UInt64?
        for _ in 0..<chunksMax {
            guard let chunk = read(descriptor, at: position, count: 8) else { return .plausible }
            let size = UInt64(number(chunk, 4))
            if isRF64, tag(chunk, 0) == "ds64", let sizes = read(descriptor, at: position + 8, count: 16) {
                longDataBytes = UInt64(number(sizes, 8)) | UInt64(number(sizes, 12)) << 32
            }
            if tag(chunk, 0) == "data" {
                return judge(
                    size: size, long: isRF64 ? longDataBytes : nil, present: fileBytes - min(fileBytes, position + 8))
            }
            position += 8 + size + (size & 1)
        }
        return .plausible
    }

    private static func judge(size: UInt64, long: UInt64?, present: UInt64) -> Verdict {
        var claimed = size
        if size == 0xFFFF_FFFF, let long { claimed = long }
        // A recorder that was killed never filled the length in; libsndfile would find no sound at all.
        if claimed == 0, present > 0 { return .unfinished(present: present) }
        // Programs that write to a pipe can't go back to fill the length in: they leave a number near a limit
        // (0xFFFFFFFF: ffmpeg; 0x7FFFF000 and its like: sox, arecord).
        let isPlaceholder = long == nil && claimed >= 0x7FFF_0000
        return claimed > present && !isPlaceholder ? .truncated(claimed: claimed, present: present) : .plausible
    }

    private static func read(_ descriptor: Int32, at offset: UInt64, count: Int) -> [UInt8]? {
        guard let offset = off_t(exactly: offset) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return pread(descriptor, &bytes, count, offset) == count ? bytes : nil
    }

    private static func tag(_ bytes: [UInt8], _ offset: Int) -> String {
        String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// Writes client frames (RFC 6455 §5.2): always masked, the length always in its shortest form.
public enum FrameWriter {
    /// Two bytes, up to eight of length, four of masking key.
    public static let headerBytesMax = 14

    /// The header's length in bytes for a payload of so many bytes.
    public static func headerBytes(forPayload count: Int) -> Int {
        count < 126 ? 6 : count <= 0xFFFF ? 8 : 14
    }

    /// Writes one whole frame and returns its length in bytes.
    ///
    /// `target` has room for `headerBytes(forPayload:)` plus the payload. `maskKey` must be unpredictable (§5.3).
    public static func write(
        _ opcode: Opcode, isFinal: Bool, payload: UnsafeRawBufferPointer, maskKey: UInt32,
        to target: UnsafeMutableRawPointer
    ) -> Int {
        let count = payload.count
        target.storeBytes(of: opcode.rawValue | (isFinal ? 0x80 : 0), as: UInt8.self)
        var length = 2
        if count < 126 {
            target.storeBytes(of: 0x80 | UInt8(count), toByteOffset: 1, as: UInt8.self)
        } else if count <= 0xFFFF {
            target.storeBytes(of: 0x80 | 126, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt16(count).bigEndian, toByteOffset: 2, as: UInt16.self)
            length = 4
        } else {
            target.storeBytes(of: 0x80 | 127, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt64(count).bigEndian, toByteOffset: 2, as: UInt64.self)
            length = 10
        }
        target.storeBytes(of: maskKey, toByteOffset: length, as: UInt32.self)
        Masking.copy(payload, to: target + length + 4, key: maskKey)
        return length + 4 + count
    }
}

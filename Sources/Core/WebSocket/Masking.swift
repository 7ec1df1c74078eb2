/// The XOR of RFC 6455 §5.3 as a copy: reads each payload byte once and writes it once.
public enum Masking {
    /// Copies `source` to `target`, every byte XORed with the key byte of its index.
    ///
    /// The key is the four bytes of the frame's masking key in memory order, as `loadUnaligned(as: UInt32.self)` reads them.
    /// `target` has room for `source.count` bytes and either is `source` itself or does not overlap it.
    public static func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, key: UInt32) {
        guard let from = source.baseAddress else { return }
        let count = source.count
        var index = 0
        let wide = SIMD16<UInt32>(repeating: key)
        while index &+ 128 <= count {
            let first = from.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt32>.self) ^ wide
            let second = from.loadUnaligned(fromByteOffset: index &+ 64, as: SIMD16<UInt32>.self) ^ wide
            target.storeBytes(of: first, toByteOffset: index, as: SIMD16<UInt32>.self)
            target.storeBytes(of: second, toByteOffset: index &+ 64, as: SIMD16<UInt32>.self)
            index &+= 128
        }
        let word = UInt64(key) << 32 | UInt64(key)
        while index &+ 8 <= count {
            let masked = from.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ word
            target.storeBytes(of: masked, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        copyBytewise(
            UnsafeRawBufferPointer(start: from + index, count: count &- index), to: target + index, key: key)
    }

    /// The same, byte by byte: the oracle of `copy` and its tail (`source` starts at a multiple of four of the payload).
    public static func copyBytewise(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, key: UInt32) {
        withUnsafeBytes(of: key) { keyBytes in
            for index in 0..<source.count {
                target.storeBytes(of: source[index] ^ keyBytes[index & 3], toByteOffset: index, as: UInt8.self)
            }
        }
    }
}

import CWebSocketKernels

/// The XOR of RFC 6455 §5.3 as a copy: reads each payload byte once and writes it once.
public enum Masking {
    /// Copies `source` to `target`, every byte XORed with the key byte of its index.
    ///
    /// The key is the four bytes of the frame's masking key in memory order, as `loadUnaligned(as: UInt32.self)` reads
    /// them. `target` has room for `source.count` bytes and either is `source` itself or does not overlap it.
    public static func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, key: UInt32) {
        guard let from = source.baseAddress else { return }
        cws_mask(
            target.assumingMemoryBound(to: UInt8.self), from.assumingMemoryBound(to: UInt8.self), source.count, key)
    }

    /// The same, byte by byte: the oracle of `copy`.
    public static func copyBytewise(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, key: UInt32
    ) {
        withUnsafeBytes(of: key) { keyBytes in
            for index in 0..<source.count {
                target.storeBytes(of: source[index] ^ keyBytes[index & 3], toByteOffset: index, as: UInt8.self)
            }
        }
    }
}

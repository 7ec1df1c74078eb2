import VoiceSecureStream

/// The bytes between the stream and the frame parser: 64 KiB that are read into only when all before is used.
struct ReceiveBuffer: ~Copyable {
    private static let capacity = 65_536
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.capacity, alignment: 64)
    private var from = 0
    private var to = 0

    deinit {
        memory.deallocate()
    }

    var isEmpty: Bool { from == to }

    /// What is not used yet. Valid until the next call.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[from..<to]) }

    mutating func consume(_ count: Int) {
        from += count
    }

    /// Forgets what is not used.
    mutating func clear() {
        from = to
    }

    /// Reads from the stream; the buffer must be empty.
    mutating func read(from stream: SecureStream) throws(StreamError) -> StreamReadResult {
        let result = try stream.read(into: memory)
        if case .bytes(let count) = result {
            from = 0
            to = count
        }
        return result
    }
}

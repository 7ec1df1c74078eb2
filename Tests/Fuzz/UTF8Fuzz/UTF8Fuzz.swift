import VoiceWebSocket

/// The verdict must be the standard library's, wherever the input is split (its first byte says where).
@c(LLVMFuzzerTestOneInput)
public func fuzzUTF8(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 0 else { return 0 }
    let text = UnsafeRawBufferPointer(start: data + 1, count: size - 1)
    let expected = String(validating: text, as: UTF8.self) != nil
    precondition(isValid(text, pieceBytes: max(text.count, 1)) == expected, "wrong verdict")
    precondition(isValid(text, pieceBytes: Int(data[0]) + 1) == expected, "the split changed the verdict")
    return 0
}

// Not inlined: the fuzzer leaves its entry function without coverage, and with it everything inlined there.
@inline(never)
private func isValid(_ bytes: UnsafeRawBufferPointer, pieceBytes: Int) -> Bool {
    var validator = UTF8Validator()
    for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
        let end = min(bytes.count, start + pieceBytes)
        guard validator.accept(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else { return false }
    }
    return validator.isComplete
}

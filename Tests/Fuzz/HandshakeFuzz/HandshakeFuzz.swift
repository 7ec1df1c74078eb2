import VoiceWebSocket

/// An answer read whole and byte by byte must give the same outcome, and only the right digest is ever accepted.
@c(LLVMFuzzerTestOneInput)
public func fuzzHandshake(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let whole = read(bytes, pieceBytes: max(size, 1))
    let split = read(bytes, pieceBytes: 1)
    precondition(whole == split, "the split changed the outcome")
    if case .outcome(.accepted, let usedBytes) = whole {
        let head = String(decoding: bytes[..<usedBytes], as: UTF8.self)
        precondition(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "accepted without the digest")
        precondition(head.hasSuffix("\r\n\r\n"))
    }
    return 0
}

private enum Reading: Equatable {
    case outcome(HandshakeOutcome, usedBytes: Int)
    case violation(HandshakeViolation)
}

private func read(_ bytes: UnsafeRawBufferPointer, pieceBytes: Int) -> Reading {
    // The key of RFC 6455 §1.3, so that seeds can hold its answer.
    guard
        let request = try? HandshakeRequest(
            host: "example.org", target: "/", headers: [], subprotocols: ["chat", "voice"],
            nonce: Array("the sample nonce".utf8))
    else { preconditionFailure("the request is right") }
    var handshake = ClientHandshake(request: request)
    do throws(HandshakeViolation) {
        for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + pieceBytes)])
            var used = 0
            if let outcome = try handshake.receive(piece, at: &used) {
                precondition(used <= piece.count)
                if case .refused(let refusal) = outcome { precondition(refusal.body.count <= 65_536) }
                return .outcome(outcome, usedBytes: start + used)
            }
            precondition(used == piece.count)
        }
        return .outcome(try handshake.endOfStream(), usedBytes: bytes.count)
    } catch {
        return .violation(error)
    }
}

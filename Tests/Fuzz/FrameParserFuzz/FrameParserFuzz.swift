import VoiceWebSocket

/// One input read whole and byte by byte must give the same headers, payload and violation.
@c(LLVMFuzzerTestOneInput)
public func fuzzFrameParser(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let whole = read(bytes, pieceBytes: max(size, 1))
    let split = read(bytes, pieceBytes: 1)
    precondition(whole == split, "the split changed what was read")
    return 0
}

private struct Reading: Equatable {
    var headers: [FrameHeader] = []
    var payload: [UInt8] = []
    var framesEnded = 0
    var violation: ProtocolViolation?
}

private func read(_ bytes: UnsafeRawBufferPointer, pieceBytes: Int) -> Reading {
    var reading = Reading()
    var parser = FrameParser()
    for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + pieceBytes)])
        var offset = 0
        do throws(ProtocolViolation) {
            while true {
                let step = try parser.next(in: piece, at: &offset)
                precondition(offset <= piece.count)
                switch step {
                case .needsInput:
                    precondition(offset == piece.count, "input is left over")
                case .header(let header):
                    precondition(header.payloadBytes >= 0)
                    precondition(!header.opcode.isControl || (header.payloadBytes <= 125 && header.isFinal))
                    reading.headers.append(header)
                case .payload(let run, let endsFrame):
                    precondition(!run.isEmpty)
                    reading.payload.append(contentsOf: piece[run])
                    if endsFrame { reading.framesEnded += 1 }
                }
                if step == .needsInput { break }
            }
        } catch {
            reading.violation = error
            return reading
        }
    }
    return reading
}

import VoiceRealtime
import VoiceRelay

/// Bytes as a relay's control message: read as JSON, and played to a session in every state. A session ends at most
/// once, and after its end nothing happens any more.
@c(LLVMFuzzerTestOneInput)
public func fuzzRelay(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = UnsafeBufferPointer(start: data, count: size)
    let text = String(decoding: bytes, as: UTF8.self)
    if let value = JSONValue(parsing: text), case .string(let string) = value {
        precondition(JSONValue(parsing: JSONValue.quoted(string)) == value, "quoting changed the string")
    }
    if let packet = OpusPacket(UnsafeRawBufferPointer(bytes)) {
        precondition((1...48).contains(packet.frames) && (40...1_920).contains(packet.samples), "not a packet's length")
    }
    for openings in 0...3 { play(text, openings: openings) }
    return 0
}

private func play(_ text: String, openings: Int) {
    var now = MonotonicTime(nanoseconds: 1)
    var session = RelaySession(auth: RelayAuth(token: "t", voice: "v", maxDurationSeconds: 1))
    var endings = 0
    func take(_ input: RelaySession.Input) {
        now = now.advanced(byNanoseconds: .seconds(3))
        let actions = session.handle(input, now: now)
        precondition(endings == 0 || actions.isEmpty, "something happened after the end")
        for case .finish in actions { endings += 1 }
        precondition(endings <= 1, "the session ended twice")
    }
    let ready = #"{"type":"ready","session_id":"s","features":["end"]}"#
    if openings > 0 { take(.opened) }
    if openings > 1 { take(.text(ready)) }
    if openings > 2 { take(.sourceEnded) }
    take(.text(text))
    take(.audio(bytes: text.utf8.count))
    take(.text(text))
    take(.tick)
    take(.closed(RelayCloseCode(number: UInt16(truncatingIfNeeded: text.utf8.count &* 257), reason: text)))
    precondition(endings == 1, "the session did not end with its connection")
}

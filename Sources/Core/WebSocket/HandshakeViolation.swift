/// What was wrong with the server's answer to the upgrade; the connection is dropped (RFC 6455 §4.1).
public enum HandshakeViolation: Error, Hashable, Sendable {
    /// Not `HTTP/1.1 SP 3DIGIT SP reason` (RFC 9112 §4).
    case malformedStatusLine
    /// An HTTP version that can't upgrade.
    case unsupportedVersion
    /// LF without CR, or CR without LF (RFC 9112 §2.2).
    case bareLineBreak
    /// A header field's line begins with a space or tab (RFC 9112 §5.2).
    case foldedHeader
    /// A field name that is no token, or white space before its colon (RFC 9112 §5.1).
    case malformedHeader
    /// A control character in a field's value or reason phrase (RFC 9110 §5.5).
    case controlCharacter
    case lineTooLong(limitBytes: Int)
    case tooManyHeaders(limit: Int)
    case headTooLong(limitBytes: Int)
    case tooManyInterimResponses(limit: Int)
    /// A field that may come once came twice, or `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.3).
    case duplicateHeader(String)
    /// A `Content-Length`, `Transfer-Encoding` or chunk that can't be read (RFC 9112 §6, §7.1).
    case malformedBody
    /// A 101 with a body (RFC 9110 §15.2.2).
    case bodyInUpgrade
    /// 101 without `Upgrade: websocket` (RFC 6455 §4.1, item 2).
    case missingUpgrade
    /// 101 without `Connection: Upgrade` (item 3).
    case missingConnection
    case missingAccept
    /// `Sec-WebSocket-Accept` is not the digest of our key (item 4).
    case wrongAccept
    /// An extension that was not offered; none is (item 5).
    case unexpectedExtension
    /// A subprotocol that was not offered (item 6).
    case unexpectedSubprotocol
    /// The stream ended inside of the answer.
    case truncated

    /// What the server did, as the end of a sentence.
    public var explanation: String {
        switch self {
        case .malformedStatusLine: "its status line is not HTTP/1.1"
        case .unsupportedVersion: "it speaks an HTTP version that cannot upgrade"
        case .bareLineBreak: "a line does not end in CR LF"
        case .foldedHeader: "a header field is folded"
        case .malformedHeader: "a header field is malformed"
        case .controlCharacter: "a header field holds a control character"
        case .lineTooLong(let limit): "a line is over \(limit) bytes"
        case .tooManyHeaders(let limit): "there are over \(limit) header fields"
        case .headTooLong(let limit): "the header is over \(limit) bytes"
        case .tooManyInterimResponses(let limit): "there are over \(limit) interim responses"
        case .duplicateHeader(let name): "the header field \(name) came twice or contradicts another"
        case .malformedBody: "the body's length or chunks are malformed"
        case .bodyInUpgrade: "the 101 has a body"
        case .missingUpgrade: "Upgrade: websocket is missing"
        case .missingConnection: "Connection: Upgrade is missing"
        case .missingAccept: "Sec-WebSocket-Accept is missing"
        case .wrongAccept: "Sec-WebSocket-Accept is wrong"
        case .unexpectedExtension: "it uses an extension that was not offered"
        case .unexpectedSubprotocol: "it uses a subprotocol that was not offered"
        case .truncated: "it ended too early"
        }
    }
}

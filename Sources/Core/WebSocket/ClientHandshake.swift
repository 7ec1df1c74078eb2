/// A server that answered the upgrade with something else than 101.
public struct HandshakeRefusal: Hashable, Sendable {
    /// What the status means for the caller.
    public enum Kind: Equatable, Sendable {
        /// 401: no or bad credentials.
        case unauthorized
        /// 402: nothing left to pay with.
        case paymentRequired
        /// 403.
        case forbidden
        /// 429: try again after `retryAfterSeconds`.
        case tooManyRequests
        /// 500 to 599: the server's own trouble.
        case serverError
        case other
    }

    public var status: Int
    public var reason: String
    /// From `Retry-After`, as seconds or as a date beside the server's own `Date` (RFC 9110 §10.2.3).
    public var retryAfterSeconds: Int?
    public var contentType: String?
    /// The body, at most 64 KiB of it.
    public var body: [UInt8]

    public init(status: Int, reason: String, retryAfterSeconds: Int?, contentType: String?, body: [UInt8]) {
        self.status = status
        self.reason = reason
        self.retryAfterSeconds = retryAfterSeconds
        self.contentType = contentType
        self.body = body
    }

    public var kind: Kind {
        switch status {
        case 401: .unauthorized
        case 402: .paymentRequired
        case 403: .forbidden
        case 429: .tooManyRequests
        case 500...599: .serverError
        case _: .other
        }
    }
}

/// How the opening handshake came out.
public enum HandshakeOutcome: Equatable, Sendable {
    /// The connection is open; `subprotocol` is the one that the server chose.
    case accepted(subprotocol: String?)
    /// 301, 302, 307 or 308 with its `Location` as it was sent.
    case redirect(status: Int, location: String)
    case refused(HandshakeRefusal)
}

/// Reads the server's answer to the upgrade (RFC 6455 §4.1), wherever the stream was split.
///
/// Memory: a head of at most 32 KiB and a refusal's body of at most 64 KiB. At most 8 interim (1xx) responses are
/// skipped.
public struct ClientHandshake: Sendable {
    private enum State {
        /// Inside a response head. Exits: itself (1xx), `body`, `done`.
        case head(ResponseHeadParser)
        /// Inside a refusal's body. Exits: `done`.
        case body(ResponseHead, ResponseBody)
        /// The outcome was told, or the answer was wrong.
        case done
    }

    private static let interimMax = 8

    private let request: HandshakeRequest
    private var state = State.head(ResponseHeadParser())
    private var interimCount = 0
    private var hasBytes = false

    public init(request: HandshakeRequest) {
        self.request = request
    }

    /// Takes bytes from `offset`, which moves behind what was used: what follows a 101 belongs to the frames.
    public mutating func receive(
        _ bytes: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(HandshakeViolation) -> HandshakeOutcome? {
        while offset < bytes.count {
            let byte = bytes[offset]
            switch state {
            case .done:
                return nil
            case .head(var parser):
                offset += 1
                state = .done
                let complete = try parser.accept(byte)
                state = .head(parser)
                if let head = complete, let outcome = try endHead(head) { return outcome }
            case .body(let head, var body):
                offset += 1
                state = .done
                try body.accept(byte)
                guard !body.isDone else { return Self.refusal(head, body.bytes) }
                state = .body(head, body)
            }
        }
        return nil
    }

    /// The stream ended: a refusal counts with as much of its body as came, anything else is cut off.
    public mutating func endOfStream() throws(HandshakeViolation) -> HandshakeOutcome {
        guard let refusal = cutShort() else { throw .truncated }
        return refusal
    }

    /// What can be told when no more will be waited for: a refusal whose body is not complete, nil before its head is.
    public mutating func cutShort() -> HandshakeOutcome? {
        defer { state = .done }
        switch state {
        case .body(let head, let body): return Self.refusal(head, body.bytes)
        case .head, .done: return nil
        }
    }

    private mutating func endHead(_ head: ResponseHead) throws(HandshakeViolation) -> HandshakeOutcome? {
        state = .done
        switch head.status {
        case 101:
            return .accepted(subprotocol: try checkUpgrade(head))
        case 100...199:
            interimCount += 1
            guard interimCount <= Self.interimMax else { throw .tooManyInterimResponses(limit: Self.interimMax) }
            state = .head(ResponseHeadParser())
            return nil
        case 301, 302, 307, 308:
            if let location = try head.single("location") {
                return .redirect(status: head.status, location: location)
            }
            return try beginBody(head)
        case _:
            return try beginBody(head)
        }
    }

    private mutating func beginBody(_ head: ResponseHead) throws(HandshakeViolation) -> HandshakeOutcome? {
        let body = try ResponseBody(head)
        guard !body.isDone else { return Self.refusal(head, []) }
        state = .body(head, body)
        return nil
    }

    /// The six checks of RFC 6455 §4.1 on a 101, and the server's subprotocol.
    private func checkUpgrade(_ head: ResponseHead) throws(HandshakeViolation) -> String? {
        guard head.isHTTP11 else { throw .unsupportedVersion }
        guard try head.single("transfer-encoding") == nil,
            try head.single("content-length").map({ HTTPText.decimal($0.utf8) == 0 }) ?? true
        else { throw .bodyInUpgrade }
        guard let upgrade = try head.single("upgrade"), HTTPText.listMembers(upgrade) == ["websocket"] else {
            throw .missingUpgrade
        }
        guard head.values("connection").flatMap(HTTPText.listMembers).contains("upgrade") else {
            throw .missingConnection
        }
        guard let accept = try head.single("sec-websocket-accept") else { throw .missingAccept }
        guard accept == request.expectedAccept else { throw .wrongAccept }
        guard head.values("sec-websocket-extensions").allSatisfy({ HTTPText.listMembers($0).isEmpty }) else {
            throw .unexpectedExtension
        }
        guard let subprotocol = try head.single("sec-websocket-protocol") else { return nil }
        guard request.subprotocols.contains(subprotocol) else { throw .unexpectedSubprotocol }
        return subprotocol
    }

    private static func refusal(_ head: ResponseHead, _ body: [UInt8]) -> HandshakeOutcome {
        var retryAfter: Int?
        if let text = head.values("retry-after").first {
            if let seconds = HTTPText.decimal(text.utf8) {
                retryAfter = seconds
            } else if let then = HTTPText.date(text), let now = head.values("date").first.flatMap(HTTPText.date) {
                retryAfter = max(0, then - now)
            }
        }
        return .refused(
            HandshakeRefusal(
                status: head.status, reason: head.reason, retryAfterSeconds: retryAfter,
                contentType: head.values("content-type").first, body: body))
    }
}

/// Why a relay closed the connection: the profile's names, RFC 6455's numbers, or something else.
///
/// The mapping is by number first, then by the name at the start of the close reason (whatever the number), else
/// ``other(number:reason:)``. Nothing is ever mapped to a success by default.
public enum RelayCloseCode: Hashable, Sendable {
    case normal
    case invalidAuth
    case balanceExhausted
    case sessionTimeout
    case formatViolation
    case upstreamDisconnected
    case heartbeatLost
    /// A code that RFC 6455 §7.4.1 or IANA's registry defines (1001, 1002, 1006, 1008, 1009, 1011, 1012, 1013).
    case webSocket(number: UInt16, reason: String)
    case other(number: UInt16, reason: String)

    private static let named: [(number: UInt16, name: String, code: RelayCloseCode)] = [
        (4401, "INVALID_AUTH", .invalidAuth),
        (4402, "BALANCE_EXHAUSTED", .balanceExhausted),
        (4408, "SESSION_TIMEOUT", .sessionTimeout),
        (4415, "FORMAT_VIOLATION", .formatViolation),
        (4502, "UPSTREAM_DISCONNECTED", .upstreamDisconnected),
        (4504, "HEARTBEAT_LOST", .heartbeatLost),
    ]
    private static let registered: Set<UInt16> = [
        1001, 1002, 1003, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
    ]

    public init(number: UInt16, reason: String) {
        if let entry = Self.named.first(where: { $0.number == number }) {
            self = entry.code
        } else if let entry = Self.named.first(where: { Self.begins(reason, with: $0.name) }) {
            self = entry.code
        } else if number == 1000 {
            self = .normal
        } else if Self.registered.contains(number) {
            self = .webSocket(number: number, reason: reason)
        } else {
            self = .other(number: number, reason: reason)
        }
    }

    /// The number that goes on the wire.
    public var number: UInt16 {
        switch self {
        case .normal: 1000
        case .webSocket(let number, _), .other(let number, _): number
        case .invalidAuth, .balanceExhausted, .sessionTimeout, .formatViolation, .upstreamDisconnected, .heartbeatLost:
            Self.named.first { $0.code == self }?.number ?? 1006
        }
    }

    /// The profile's name, for people and for close reasons: `FORMAT_VIOLATION`, else `close 1011`.
    public var name: String {
        switch self {
        case .normal: "normal close"
        case .webSocket(let number, _), .other(let number, _): "close \(number)"
        case .invalidAuth, .balanceExhausted, .sessionTimeout, .formatViolation, .upstreamDisconnected, .heartbeatLost:
            Self.named.first { $0.code == self }?.name ?? ""
        }
    }

    /// Whether a new connection may succeed where this one ended, without anybody doing something first.
    public var isReconnectable: Bool {
        switch self {
        case .upstreamDisconnected, .heartbeatLost: true
        case .webSocket(let number, _): [1001, 1006, 1011, 1012, 1013, 1014].contains(number)
        case .normal, .invalidAuth, .balanceExhausted, .sessionTimeout, .formatViolation, .other: false
        }
    }

    /// What a close reason says beyond the code's own name; `nil` for nothing.
    func detail(in reason: String) -> String? {
        switch self {
        case .normal, .webSocket, .other: return nil
        case .invalidAuth, .balanceExhausted, .sessionTimeout, .formatViolation, .upstreamDisconnected, .heartbeatLost:
            let text = Self.begins(reason, with: name) ? reason.dropFirst(name.count) : reason[...]
            let detail = text.drop { $0 == ":" || $0 == " " }
            return detail.isEmpty ? nil : String(detail)
        }
    }

    /// "INVALID_AUTH: no such token" begins with INVALID_AUTH; "INVALID_AUTHORITY" does not.
    private static func begins(_ reason: String, with name: String) -> Bool {
        guard reason.hasPrefix(name) else { return false }
        guard let next = reason.dropFirst(name.count).first else { return true }
        return !(next.isLetter || next.isNumber || next == "_")
    }
}

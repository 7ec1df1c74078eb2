import HTTPTypes
import Hummingbird

/// Under which address this server speaks to a request.
struct IssuerRule: Sendable {
    /// The address that the operator gave, without a slash at its end; `nil` takes the one that the client used.
    let fixed: String?
    let isSecure: Bool

    /// The issuer for a request.
    ///
    /// A client compares it with the address that it asked (OpenID Connect Discovery §4.3), and one machine has many:
    /// 127.0.0.1, localhost, a name in the LAN, a forwarded port. Lying about `Host` gives a caller a token that nobody
    /// takes.
    func issuer(of request: Request) -> String {
        if let fixed { return fixed }
        let host = request.head.authority ?? ""
        return (isSecure ? "https://" : "http://") + (Self.isHost(host) ? host : "localhost")
    }

    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"),
                    UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

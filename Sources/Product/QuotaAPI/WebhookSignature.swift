import Crypto
import Foundation

/// Whether `signature` (the `X-Quota-Signature` header: hex of an HMAC-SHA256) is that of `payload`.
///
/// Takes the raw bytes of the body, before anything parsed them. Takes the same time wherever a wrong signature
/// differs. False, never a trap or a throw, for anything malformed, and for an empty secret.
public func verifyWebhookSignature(payload: some DataProtocol, signature: String, secret: String) -> Bool {
    guard !secret.isEmpty, let code = HexText.decode(signature), code.count == SHA256.byteCount else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(
        code, authenticating: payload, using: SymmetricKey(data: Data(secret.utf8)))
}

enum HexText {
    static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0, digits.count <= 1_024 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Equality in a time that depends on the lengths alone.
func isEqualInConstantTime(_ left: String, _ right: String) -> Bool {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}

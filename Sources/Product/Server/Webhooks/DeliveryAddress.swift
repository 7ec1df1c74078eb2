import Foundation
import NIOCore
import NIOPosix

/// Where a webhook may point: out into the world, never into the server's own network.
///
/// The name is resolved here, every address checked, and the connection goes to the address that was checked: a name
/// that resolves to something else a moment later changes nothing.
package struct DeliveryAddress: Sendable {
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    package let host: String
    /// The address to connect to.
    package let address: String

    /// The rules for the text of an address, before anything is resolved.
    package static func check(_ url: String, allowsLoopback: Bool) throws(Refusal) -> (host: String, port: Int) {
        guard url.utf8.count <= 2_048, !url.unicodeScalars.contains(where: { $0.value <= 32 || $0.value == 127 }),
            let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(), let host = parts.host,
            !host.isEmpty, parts.user == nil, parts.password == nil, parts.fragment == nil,
            (1...65_535).contains(parts.port ?? 443)
        else { throw Refusal(description: "not an absolute http or https URL without a password") }
        guard scheme == "https" || (scheme == "http" && allowsLoopback) else {
            throw Refusal(description: "a webhook must be https")
        }
        let bare = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        if let literal = try? SocketAddress(ipAddress: bare, port: 0) {
            guard let bytes = bytes(of: literal), isAllowed(bytes, allowsLoopback: allowsLoopback) else {
                throw Refusal(description: "\(bare) is not a public address")
            }
        }
        return (bare, parts.port ?? (scheme == "https" ? 443 : 80))
    }

    /// Resolves and checks. Blocks on `threads`, not on the caller.
    static func resolve(
        _ url: String, allowsLoopback: Bool, on threads: NIOThreadPool
    ) async throws -> DeliveryAddress {
        let (host, port) = try check(url, allowsLoopback: allowsLoopback)
        let address = try await threads.runIfActive { try SocketAddress.makeAddressResolvingHost(host, port: port) }
        guard let bytes = bytes(of: address), let text = address.ipAddress,
            isAllowed(bytes, allowsLoopback: allowsLoopback)
        else { throw Refusal(description: "\(host) does not have a public address") }
        if URLComponents(string: url)?.scheme?.lowercased() == "http", !isLoopback(bytes) {
            throw Refusal(description: "http is for this machine alone")
        }
        return DeliveryAddress(host: host, address: text)
    }

    static func bytes(of address: SocketAddress) -> [UInt8]? {
        switch address {
        case .v4(let four): return withUnsafeBytes(of: four.address.sin_addr) { Array($0) }
        case .v6(let six): return withUnsafeBytes(of: six.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: return nil
        }
    }

    private static func isLoopback(_ bytes: [UInt8]) -> Bool {
        if let four = embedded(bytes) { return four[0] == 127 }
        return bytes == Array(repeating: 0, count: 15) + [1]
    }

    /// The IPv4 address in `bytes`: itself, or what an IPv6 form of it carries (RFC 4291 §2.5.5, RFC 6052 §2.1,
    /// RFC 3056 §2).
    private static func embedded(_ bytes: [UInt8]) -> [UInt8]? {
        if bytes.count == 4 { return bytes }
        let zeros = Array(repeating: UInt8(0), count: 10)
        if Array(bytes[0..<10]) == zeros, bytes[10] == 0xFF, bytes[11] == 0xFF { return Array(bytes[12...]) }
        if Array(bytes[0..<12]) == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0] { return Array(bytes[12...]) }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return Array(bytes[2..<6]) }
        return nil
    }

    /// The special-purpose address registries of IANA (RFC 6890) are not the world.
    static func isAllowed(_ bytes: [UInt8], allowsLoopback: Bool) -> Bool {
        if isLoopback(bytes) { return allowsLoopback }
        if let four = embedded(bytes) {
            switch (four[0], four[1]) {
            case (0, _), (10, _), (127, _), (169, 254), (192, 168), (100, 64...127), (172, 16...31), (198, 18...19),
                (224..., _):
                return false
            case (192, 0): return four[2] != 0 && four[2] != 2
            case (198, 51): return four[2] != 100
            case (203, 0): return four[2] != 113
            default: return true
            }
        }
        // Global unicast (2000::/3), without documentation (2001:db8::/32) and Teredo (2001::/32).
        guard bytes[0] & 0xE0 == 0x20 else { return false }
        return
            !(bytes[0] == 0x20 && bytes[1] == 0x01
            && ((bytes[2] == 0x0D && bytes[3] == 0xB8) || (bytes[2] == 0 && bytes[3] == 0)))
    }
}

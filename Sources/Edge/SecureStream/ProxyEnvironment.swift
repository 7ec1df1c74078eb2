import Glibc

/// What the environment says about proxies.
package enum ProxyEnvironment {
    /// The proxy for a host, nil to go direct. `variable` gives the value of an environment variable.
    package static func proxy(
        host: String, port: Int, isTLS: Bool, peer: String, variable: (String) -> String? = environmentVariable
    ) throws(StreamError) -> StreamProxy? {
        func value(_ name: String) -> (name: String, text: String)? {
            for spelling in [name.lowercased(), name] {
                if let text = variable(spelling), !text.isEmpty { return (spelling, text) }
            }
            return nil
        }
        // Unencrypted bytes for this machine stay on it, whatever ALL_PROXY says.
        if !isTLS, isLoopback(host) { return nil }
        guard let setting = (isTLS ? value("HTTPS_PROXY") : nil) ?? value("ALL_PROXY") else { return nil }
        if let list = value("NO_PROXY"), isExempt(host: host, port: port, list: list.text) { return nil }
        guard let proxy = StreamProxy(url: setting.text) else {
            if let scheme = StreamProxy.scheme(of: setting.text), scheme != "http" {
                throw StreamError(
                    .badOption("\(setting.name) names a \(scheme) proxy and only http:// proxies are supported"),
                    peer: peer)
            }
            throw StreamError(
                .badOption("\(setting.name) does not have the form http://[user:password@]host[:port]"), peer: peer)
        }
        return proxy
    }

    /// Whether the host can only be this machine.
    private static func isLoopback(_ host: String) -> Bool {
        if let address = addressBytes(host) {
            return address.count == 4 ? address[0] == 127 : address == [UInt8](repeating: 0, count: 15) + [1]
        }
        return isLoopbackName(host)
    }

    /// Whether the NO_PROXY list holds the host: `*`, a name (which covers what is below it, with or without a leading
    /// dot or `*.`), an address or a CIDR block, each perhaps with `:port`.
    static func isExempt(host: String, port: Int, list: String) -> Bool {
        let name = normalized(host[...])
        let address = addressBytes(name)
        return list.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).contains { entry in
            if entry == "*" { return true }
            if let slash = entry.firstIndex(of: "/") {
                guard let address, let block = addressBytes(String(entry[..<slash])),
                    let bits = Int(entry[entry.index(after: slash)...])
                else { return false }
                return isPrefix(block, of: address, bits: bits)
            }
            guard let (text, entryPort) = splitHostAndPort(entry) else { return false }
            if let entryPort, entryPort != port { return false }
            if let address { return addressBytes(text) == address }
            var suffix = normalized(text[...])
            if suffix.hasPrefix("*") { suffix.removeFirst() }
            if suffix.hasPrefix(".") { suffix.removeFirst() }
            return !suffix.isEmpty && (name == suffix || name.hasSuffix("." + suffix))
        }
    }

    private static func normalized(_ host: Substring) -> String {
        let lower = host.lowercased()
        return lower.last == "." ? String(lower.dropLast()) : lower
    }

    private static func isPrefix(_ block: [UInt8], of address: [UInt8], bits: Int) -> Bool {
        guard block.count == address.count, (0...8 * block.count).contains(bits) else { return false }
        return (0..<bits).allSatisfy { bit in
            (block[bit / 8] ^ address[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}

/// A copy of an environment variable's value.
package func environmentVariable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
}

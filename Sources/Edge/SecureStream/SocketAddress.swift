import Glibc

/// One address as the socket calls want it.
package struct SocketAddress: Sendable {
    private(set) var storage = sockaddr_storage()
    private(set) var length: socklen_t = 0

    var family: Int32 { Int32(storage.ss_family) }

    /// Copies what getaddrinfo or another call filled in; nil when it can't be an address.
    init?(copying address: UnsafePointer<sockaddr>?, length: socklen_t) {
        guard let address, length > 0, Int(length) <= MemoryLayout<sockaddr_storage>.size else { return nil }
        self.length = length
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
    }

    /// A literal IPv4 or IPv6 address with a port; nil for anything else.
    package init?(literal: String, port: Int) {
        for family in [AddressFamily.six, .four] {
            guard case .addresses(let found) = NameResolver.literal(literal, port: port, family: family),
                let first = found.first
            else { continue }
            self = first
            return
        }
        return nil
    }

    /// The address of a Unix socket; nil for a path that is empty, too long or holds a zero byte.
    init?(unixPath path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // One byte stays for the terminating zero.
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            return nil
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        withUnsafeMutableBytes(of: &storage) { raw in
            withUnsafeBytes(of: &address) { raw.copyMemory(from: $0) }
        }
        length = socklen_t(MemoryLayout<sockaddr_un>.size)
    }

    /// Calls with the form that connect and bind take.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// The numeric address and port, for people; empty for a Unix socket.
    var text: String {
        guard family == AF_INET || family == AF_INET6 else { return "" }
        var host = [CChar](repeating: 0, count: 64)
        var service = [CChar](repeating: 0, count: 16)
        let code = withPointer { pointer, length in
            getnameinfo(
                pointer, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard code == 0 else { return "" }
        let name = host.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let port = service.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
    }
}

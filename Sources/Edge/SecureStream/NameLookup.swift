import CRealtime
import Glibc
import Synchronization

/// What a lookup gave.
package enum NameAnswer: Sendable {
    case addresses([SocketAddress])
    /// An EAI code.
    case failure(Int32)
}

/// Who turns names into addresses: getaddrinfo, or a test's stand-in that is slow or lies. May block.
package struct NameResolver: Sendable {
    package var ask: @Sendable (_ host: String, _ port: Int, _ family: AddressFamily) -> NameAnswer

    package init(ask: @escaping @Sendable (_ host: String, _ port: Int, _ family: AddressFamily) -> NameAnswer) {
        self.ask = ask
    }

    package static let system = NameResolver { host, port, family in
        askSystem(host: host, port: port, family: family, flags: AI_NUMERICSERV)
    }

    /// The addresses that a literal stands for. Never blocks.
    static func literal(_ host: String, port: Int, family: AddressFamily) -> NameAnswer {
        askSystem(host: host, port: port, family: family, flags: AI_NUMERICHOST | AI_NUMERICSERV)
    }

    private static func askSystem(host: String, port: Int, family: AddressFamily, flags: Int32) -> NameAnswer {
        var hints = addrinfo()
        hints.ai_family = family == .six ? AF_INET6 : AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return .failure(code) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let item = entry, addresses.count < NameLookup.addressesMax {
            if let address = SocketAddress(copying: item.pointee.ai_addr, length: item.pointee.ai_addrlen) {
                addresses.append(address)
            }
            entry = item.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(EAI_NONAME) : .addresses(addresses)
    }
}

/// One lookup for one address family, on a thread of its own, because getaddrinfo knows no deadline.
///
/// The two families are asked apart, so that a name server that never answers for AAAA can't hold back the A records
/// (RFC 8305 §3). Whoever loses interest just drops the object: the thread ends by itself when getaddrinfo does.
/// The number of such threads is bounded.
final class NameLookup: Sendable {
    /// More addresses of one family than this are not tried.
    static let addressesMax = 8
    /// Lookups under way in this process, the abandoned ones included.
    static let lookupsMax = 32
    private static let underWay = Atomic<Int>(0)

    private let host: String
    private let port: Int
    private let family: AddressFamily
    private let resolver: NameResolver
    private let answer = Mutex<NameAnswer?>(nil)
    private let event: Int32

    /// Readable when the answer is there.
    var descriptor: Int32 { event }

    /// The answer, nil while it is not there.
    var current: NameAnswer? { answer.withLock { $0 } }

    /// Starts the lookup; nil when the system gives no thread or descriptor, or too many lookups hang already.
    static func start(host: String, port: Int, family: AddressFamily, resolver: NameResolver) -> NameLookup? {
        guard underWay.add(1, ordering: .relaxed).newValue <= lookupsMax else {
            underWay.subtract(1, ordering: .relaxed)
            return nil
        }
        let event = crt_eventfd_create()
        guard event >= 0 else {
            underWay.subtract(1, ordering: .relaxed)
            return nil
        }
        let lookup = NameLookup(host: host, port: port, family: family, resolver: resolver, event: event)
        guard lookup.startThread() else {
            underWay.subtract(1, ordering: .relaxed)
            return nil
        }
        return lookup
    }

    private init(host: String, port: Int, family: AddressFamily, resolver: NameResolver, event: Int32) {
        self.host = host
        self.port = port
        self.family = family
        self.resolver = resolver
        self.event = event
    }

    deinit {
        close(event)
    }

    private func startThread() -> Bool {
        let context = Unmanaged.passRetained(self)
        let code = crt_thread_start(
            { context in
                guard let context else { return nil }
                crt_thread_name("name lookup")
                Unmanaged<NameLookup>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        if code != 0 { context.release() }
        return code == 0
    }

    private func run() {
        let found = resolver.ask(host, port, family)
        answer.withLock { $0 = found }
        Self.underWay.subtract(1, ordering: .relaxed)
        crt_eventfd_signal(event)
    }
}

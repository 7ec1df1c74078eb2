import Hummingbird
import NIOCore

/// What the handlers of one request share.
package struct QuotaContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The peer's address, for rate limits; `nil` where it has none.
    package let remoteAddress: String?
    /// Set by ``Authentication``.
    package var principal: Principal?

    package init(source: Source) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress?.ipAddress
    }

    /// The largest JSON body that a handler reads, unless it says otherwise.
    package var maxUploadSize: Int { 1 << 20 }

    /// Whether the peer is a process of this machine, by a loopback address.
    var isFromThisMachine: Bool {
        guard let remoteAddress else { return false }
        return remoteAddress == "::1" || remoteAddress.hasPrefix("127.") || remoteAddress.hasPrefix("::ffff:127.")
    }

    /// Who asks. For handlers behind ``Authentication``.
    package func requirePrincipal() throws(APIError) -> Principal {
        guard let principal else { throw .noCredential }
        return principal
    }
}

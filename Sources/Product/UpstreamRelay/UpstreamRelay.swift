import Logging
import VoiceKit
import VoiceServer

/// Another relay, Quota's or another server's, that converts for the sessions of this one.
///
/// Each session here has a session there, paid for by this server's own key; what a user pays is billed here. So what
/// goes wrong between the two relays is the operator's to see and the log's to tell: the user hears
/// UPSTREAM_DISCONNECTED, never of another's key or wallet.
public struct UpstreamRelay: Sendable {
    let endpoint: RelayEndpoint
    let logger: Logger

    public init(endpoint: RelayEndpoint, logger: Logger) {
        self.endpoint = endpoint
        self.logger = logger
    }

    /// Has all sessions of a server converted there.
    public func serve(_ configuration: inout RelayServerConfiguration) {
        configuration.makeRemoteConverter = { order in UpstreamConverter(order, by: self) }
    }
}

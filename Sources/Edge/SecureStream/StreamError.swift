import Glibc

/// Why a stream could not be made or went away; its description is one sentence with the next step.
///
/// It never holds a secret: of a proxy only the host and port are named.
public struct StreamError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was under way when a time limit passed.
    public enum Phase: Sendable, Hashable {
        case resolve, connect, proxy, tls, transfer
    }

    /// The kinds of failure. Callers that decide on a retry look at this alone.
    public enum Cause: Sendable, Hashable {
        /// The host or port or path can't be an address.
        case badAddress
        /// An option can't be used as given: the text says which and why.
        case badOption(String)
        case nameNotFound
        /// The name service didn't answer or is overloaded; the name itself may be right.
        case resolverFailed
        case refused
        case unreachable
        case timedOut(Phase)
        /// The wake descriptor became readable.
        case cancelled
        case tls(TLSRefusal)
        /// The proxy answered CONNECT with this status, 0 when the answer was not HTTP.
        case proxyRefused(status: Int)
        case reset
        /// The peer ended the connection before it was set up.
        case truncated
        /// This side has closed the stream or its sending half.
        case closed
        /// Another error of the system, by errno.
        case other(Int32)
    }

    public var cause: Cause
    /// Whom the error is about: `host:port` of the endpoint, or `proxy host:port (for host:port)`.
    public var peer: String

    public init(_ cause: Cause, peer: String) {
        self.cause = cause
        self.peer = peer
    }

    /// One sentence: what happened, with whom, and what to do about it.
    public var description: String {
        switch cause {
        case .badAddress:
            "\(peer) is not an address: check the host name (ASCII or xn-- form), the port (1 to 65535) or the path."
        case .badOption(let text):
            "The connection to \(peer) was not tried: \(text)."
        case .nameNotFound:
            "The host name of \(peer) was not found: check its spelling and this machine's DNS."
        case .resolverFailed:
            "The name service did not answer for \(peer): check this machine's network and DNS, then try again."
        case .refused:
            "\(peer) refused the connection: check the port and that the server is running."
        case .unreachable:
            "\(peer) cannot be reached: check this machine's network and firewall."
        case .timedOut(let phase):
            "\(peer) \(Self.silence(in: phase)): check the network and the server, then try again."
        case .cancelled:
            "The connection to \(peer) was cancelled."
        case .tls(let refusal):
            refusal.sentence(peer: peer)
        case .proxyRefused(let status):
            Self.proxySentence(status: status, peer: peer)
        case .reset:
            "\(peer) reset the connection: try again, and look at the server's log if it happens again."
        case .truncated:
            "\(peer) closed the connection before it was set up: check that this is the right port and try again."
        case .closed:
            "The connection to \(peer) is closed on this side: open a new one."
        case .other(let code):
            "The connection to \(peer) failed: \(String(cString: strerror(code))) (errno \(code))."
        }
    }

    private static func silence(in phase: Phase) -> String {
        switch phase {
        case .resolve: "was not found by the name service in time"
        case .connect: "did not accept the connection in time"
        case .proxy: "did not answer CONNECT in time"
        case .tls: "did not finish the TLS handshake in time"
        case .transfer: "stopped acknowledging data"
        }
    }

    private static func proxySentence(status: Int, peer: String) -> String {
        switch status {
        case 0: "\(peer) did not answer as an HTTP proxy: check the proxy's address in HTTPS_PROXY or ALL_PROXY."
        case 407: "\(peer) wants other credentials (407): check the user and password of the proxy setting."
        default: "\(peer) refused to connect (\(status)): check the proxy's rules, or add the host to NO_PROXY."
        }
    }

    /// The cause behind an errno of a socket call.
    static func cause(errno code: Int32) -> Cause {
        switch code {
        case ECONNREFUSED: .refused
        case ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EHOSTDOWN, ENETDOWN: .unreachable
        case ETIMEDOUT: .timedOut(.transfer)
        case ECONNRESET, EPIPE, ECONNABORTED: .reset
        default: .other(code)
        }
    }
}

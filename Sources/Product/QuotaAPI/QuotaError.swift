import Foundation

/// What can go wrong with a request, by what the caller can do about it. No secret is in its text.
public enum QuotaError: Error, Sendable, CustomStringConvertible {
    /// 402: top up by ``QuotaClient/createCheckout(packageID:successURL:cancelURL:)``. Amounts where the server says them.
    case insufficientCredits(balance: Int?, required: Int?, QuotaServerError)
    /// 401: the user has no wallet linked; start "Connect Quota Wallet".
    case notConnected(QuotaServerError)
    /// 401: the access token ended and could not be replaced; the user has to connect again.
    case tokenExpired(TokenExpiry)
    /// 429: wait so long.
    case rateLimited(retryAfterSeconds: Int, QuotaServerError)
    /// 403: the token was granted less than the call needs.
    case insufficientScope(QuotaServerError)
    /// Any other refusal.
    case server(QuotaServerError)
    /// The server answered with success and something else than what the call promises.
    case unreadable(UnreadableAnswer)
    /// No answer came.
    case transport(QuotaTransportError)

    /// Why tokens are of no use any more.
    public struct TokenExpiry: Sendable, Equatable {
        public enum Reason: Sendable, Equatable {
            /// There is no refresh token.
            case noRefreshToken
            /// The server took the refresh token for revoked, expired or unknown.
            case refreshRefused
            /// The refresh token had been used before: someone may have a copy; the server ends the whole family.
            case refreshTokenReused
            /// Fresh tokens were refused as well.
            case refusedAfterRefresh
        }

        public var reason: Reason
        public var answer: QuotaServerError?
    }

    public struct UnreadableAnswer: Sendable, Equatable {
        public var endpoint: String
        public var status: Int
        /// Where the answer departs from its shape; no part of the answer itself.
        public var detail: String
    }

    /// What the server said, where it said something.
    public var answer: QuotaServerError? {
        switch self {
        case .insufficientCredits(_, _, let answer), .notConnected(let answer), .rateLimited(_, let answer),
            .insufficientScope(let answer), .server(let answer):
            answer
        case .tokenExpired(let expiry): expiry.answer
        case .unreadable, .transport: nil
        }
    }

    public var description: String {
        switch self {
        case .insufficientCredits(let balance?, let required?, _):
            "not enough credits: \(formatCredits(required)) needed, \(formatCredits(balance)) there; top up"
        case .insufficientCredits(_, _, let answer): "not enough credits (\(answer)); top up"
        case .notConnected(let answer): "no Quota wallet is connected (\(answer)); connect one"
        case .tokenExpired(let expiry):
            switch expiry.reason {
            case .refreshTokenReused: "the sign-in was ended because its refresh token was used twice; connect again"
            case .noRefreshToken, .refreshRefused, .refusedAfterRefresh: "the sign-in has ended; connect again"
            }
        case .rateLimited(let seconds, _): "too many requests; try again in \(seconds) s"
        case .insufficientScope(let answer): "the token was not granted what this needs (\(answer))"
        case .server(let answer): answer.description
        case .unreadable(let answer):
            "\(answer.endpoint): the answer (\(answer.status)) is not what the API promises: \(answer.detail)"
        case .transport(let error): error.description
        }
    }
}

/// A server's refusal: `{"error":{"code","message","hint"?,"docs_url"?}}`, or what could be made of another body.
public struct QuotaServerError: Error, Sendable, Equatable, CustomStringConvertible {
    public var status: Int
    /// `http_502` and the like where the body has no code.
    public var code: String
    public var message: String
    public var hint: String?
    public var docsURL: String?

    public var description: String {
        "\(message) (\(status) \(code))" + (hint.map { "; \($0)" } ?? "") + (docsURL.map { "; see \($0)" } ?? "")
    }
}

/// Why no answer came.
public struct QuotaTransportError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        case cannotConnect
        case timedOut
        /// The connection ended before the answer did.
        case connectionLost
        case tls
        /// Answers with 3xx are not followed: a credential would go along.
        case redirectRefused
        /// More bytes than the client takes.
        case tooLarge
        /// Not HTTP, or an event stream that breaks its rules.
        case malformed
        case clientClosed
    }

    public var kind: Kind
    public var endpoint: String
    /// Whether the server may have carried out the request.
    public var mayHaveExecuted: Bool

    public var description: String {
        let cause =
            switch kind {
            case .cannotConnect: "no connection; check the network and the address"
            case .timedOut: "no complete answer in time; try again"
            case .connectionLost: "the connection broke before the answer was complete; try again"
            case .tls: "no trusted TLS connection; check the certificate and the clock"
            case .redirectRefused: "the server answered with a redirect, which is not followed; check the address"
            case .tooLarge: "the answer is larger than this client takes"
            case .malformed: "the answer is not HTTP as the API speaks it; check the address"
            case .clientClosed: "the HTTP client was shut down"
            }
        return "\(endpoint): \(cause)"
    }
}

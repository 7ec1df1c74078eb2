/// Gives each connection of a session the token of its moment: an access token lives for an hour, a session may not.
///
/// Its description never shows a token.
public struct RelayTokens: Sendable, CustomStringConvertible {
    /// Why there is no token.
    public struct Failure: Error, Sendable {
        /// One sentence, with the next step.
        public var sentence: String
        /// Whether asking again would end the same.
        public var isFinal: Bool

        public init(_ sentence: String, isFinal: Bool) {
            self.sentence = sentence
            self.isFinal = isFinal
        }
    }

    private let next: @Sendable (String?) throws(Failure) -> String

    /// - Parameter next: gives the token for a connection, and another one than that which the relay has just refused.
    ///   Asked on the thread of the connection, before each; it may block.
    public init(_ next: @escaping @Sendable (_ refused: String?) throws(Failure) -> String) {
        self.next = next
    }

    func token(after refused: String?) throws(Failure) -> String { try next(refused) }

    public var description: String { "RelayTokens" }
}

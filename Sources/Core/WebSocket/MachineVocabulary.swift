extension WebSocketMachine {
    /// What comes from the transport and the clock.
    public enum Input {
        /// Bytes in the order of the stream. Give them again from `Step.usedBytes` on until all are used.
        case received(UnsafeRawBufferPointer)
        /// The peer ended its stream in good order.
        case endOfStream
        /// The stream broke.
        case transportFailed(String)
        /// The heartbeat judged the peer gone.
        case heartbeatLost
        /// `nextDeadline` has come.
        case timer
    }

    /// What the application wants.
    public enum Command {
        case send(WebSocketMessage)
        /// A binary message from memory that is only valid during the call.
        case sendBytes(UnsafeRawBufferPointer)
        /// A part of a message: its kind stands on every part, `endsMessage` on the last.
        case sendPart(MessageKind, [UInt8], endsMessage: Bool)
        case ping([UInt8])
        case close(code: UInt16?, reason: String)
        /// Ends at once, without a Close handshake.
        case abort
    }

    public enum Action: Equatable {
        /// Nothing to report: the input is used up.
        case none
        case message(WebSocketMessage)
        /// A Pong, asked for or not, with its payload.
        case pong([UInt8])
        /// Close the transport now. Comes once; every later input is ignored.
        case disconnect(WebSocketClosure)
    }

    public struct Step: Equatable {
        /// Bytes of `received` that are used; all of them unless there is an action.
        public var usedBytes: Int
        public var action: Action
    }
}

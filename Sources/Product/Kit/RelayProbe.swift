import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocketClient

extension RelayEndpoint {
    /// Opens the relay's WebSocket and closes it again: no key is sent, and nothing is billed.
    ///
    /// Blocks until the answer is there, for the seconds of a connection's limits at the most.
    ///
    /// - Throws: the sentence that says why there is no WebSocket, for example that the server there is not a relay.
    public func probe() throws(ConversionError) {
        do throws(WebSocketError) {
            let driver = try WebSocketDriver(url: WebSocketURL(url), options: webSocketOptions)
            try driver.connect()
            driver.close(code: 1000, reason: "")
            try? driver.wait(until: monotonicNow())
        } catch {
            throw ConversionError(error, endpoint: self)
        }
    }
}

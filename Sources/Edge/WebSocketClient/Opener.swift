import Glibc
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket

/// Opens a connection: stream, opening handshake, redirects. Blocks, within the timeouts of its options.
struct Opener {
    /// An open connection.
    struct Opened {
        var stream: SecureStream
        var url: WebSocketURL
        var subprotocol: String?
    }

    let options: WebSocketOptions
    let waker: Waker
    let random: RandomPool

    /// Connects to `start`, following redirects as the options say. Bytes behind the 101 stay in `input`.
    func open(_ start: WebSocketURL, _ input: inout ReceiveBuffer) throws(WebSocketError) -> Opened {
        var url = start
        var headers = options.headers
        var redirectCount = 0
        while true {
            try checkSecurity(url)
            let stream = try connect(url)
            let request = try makeRequest(url, headers)
            switch try exchange(request, on: stream, &input) {
            case .accepted(let subprotocol):
                return Opened(stream: stream, url: url, subprotocol: subprotocol)
            case .refused(let refusal):
                throw .refused(refusal)
            case .redirect(_, let location):
                stream.close()
                redirectCount += 1
                guard redirectCount <= options.redirectsMax else {
                    throw .tooManyRedirects(limit: options.redirectsMax)
                }
                let next = try follow(location, from: url)
                // What the application said to one server is not for another: no header crosses to it.
                if next.host != url.host || next.port != url.port { headers = [] }
                url = next
            }
        }
    }

    private func checkSecurity(_ url: WebSocketURL) throws(WebSocketError) {
        guard url.isSecure || url.isLoopback || options.allowInsecure || options.unixPath != nil else {
            throw .insecureURL(host: url.host)
        }
    }

    private func follow(_ location: String, from url: WebSocketURL) throws(WebSocketError) -> WebSocketURL {
        let next = try url.resolving(location: location)
        let isAllowed =
            switch options.redirects {
            case .refuse: false
            case .sameHost: next.host == url.host
            case .anyHost: options.unixPath == nil || next.host == url.host
            }
        guard isAllowed && (next.isSecure || !url.isSecure) else { throw .redirectRefused(location: location) }
        return next
    }

    private func connect(_ url: WebSocketURL) throws(WebSocketError) -> SecureStream {
        let endpoint: StreamEndpoint
        if let path = options.unixPath {
            endpoint = StreamEndpoint(unixPath: path)
        } else {
            endpoint = StreamEndpoint(host: url.host, port: url.port, isTLS: url.isSecure)
        }
        let limits = options.stream
        // The stream keeps its own timeouts; this bound stands behind them, with room for a proxy.
        let deadline = monotonicNow().advanced(
            byNanoseconds: 2 * limits.connectTimeoutNanoseconds + 2 * limits.tlsTimeoutNanoseconds)
        do throws(StreamError) {
            return try SecureStream.connect(
                to: endpoint, options: limits, deadline: deadline, wake: waker.descriptor)
        } catch {
            throw error.cause == .cancelled ? .cancelled : .stream(error)
        }
    }

    private func makeRequest(
        _ url: WebSocketURL, _ headers: [HeaderField]
    ) throws(WebSocketError) -> HandshakeRequest {
        do throws(HandshakeMisuse) {
            return try HandshakeRequest(
                host: url.authority, target: url.target, headers: headers, subprotocols: options.subprotocols,
                nonce: random.bytes(16))
        } catch {
            throw .badRequest(error)
        }
    }

    /// Sends the request and reads the answer.
    private func exchange(
        _ request: HandshakeRequest, on stream: SecureStream, _ input: inout ReceiveBuffer
    ) throws(WebSocketError) -> HandshakeOutcome {
        let deadline = monotonicNow().advanced(byNanoseconds: options.handshakeTimeoutNanoseconds)
        var handshake = ClientHandshake(request: request)
        var unsent = request.bytes[...]
        input.clear()
        while true {
            let result: StreamReadResult
            do throws(WebSocketError) {
                result = try transfer(&unsent, &input, stream)
                if case .wouldBlock = result { try wait(stream, writing: !unsent.isEmpty, until: deadline) }
                guard monotonicNow() < deadline else { throw .handshakeTimedOut }
            } catch {
                // A refusal is a refusal, even when its body never ends or breaks off.
                if error != .cancelled, let refusal = handshake.cutShort() { return refusal }
                throw error
            }
            do throws(HandshakeViolation) {
                switch result {
                case .bytes:
                    var used = 0
                    let outcome = try handshake.receive(input.bytes, at: &used)
                    input.consume(used)
                    if let outcome { return outcome }
                case .endOfStream:
                    return try handshake.endOfStream()
                case .wouldBlock:
                    break
                }
            } catch {
                throw .handshake(error)
            }
        }
    }

    private func wait(_ stream: SecureStream, writing: Bool, until deadline: MonotonicTime) throws(WebSocketError) {
        let outcome = Poller.wait(stream, writing: writing, waker: waker, until: deadline)
        if outcome.contains(.waker) { throw .cancelled }
        if outcome.isEmpty { throw .handshakeTimedOut }
    }

    /// Writes what the stream takes and reads what it has.
    private func transfer(
        _ unsent: inout ArraySlice<UInt8>, _ input: inout ReceiveBuffer, _ stream: SecureStream
    ) throws(WebSocketError) -> StreamReadResult {
        do throws(StreamError) {
            if !unsent.isEmpty {
                let taken = try unsent.withUnsafeBufferPointer { bytes throws(StreamError) in
                    try stream.write(UnsafeRawBufferPointer(bytes))
                }
                unsent.removeFirst(taken)
            }
            return try input.read(from: stream)
        } catch {
            throw .stream(error)
        }
    }
}

// A voice-like WebSocket client for the fault tests: a frame each 20 ms, echoes checked, one line of report per event.
// It is a process of its own, so that it can live in a network namespace and its memory is its own.
//
// usage: fault-client URL [--seconds N] [--heartbeat N] [--ca FILE] [--proxy HOST:PORT] [--reconnects N]
//     [--timeout N] [--close N] [--send-buffer N] [--idle]

import Glibc
import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

struct Arguments {
    var url = ""
    var seconds = 5.0
    var heartbeatSeconds = 1.0
    /// For each of TCP, proxy and TLS.
    var timeoutSeconds = 30.0
    /// For the server's answer to our Close.
    var closeSeconds = 30.0
    var caFile: String?
    var proxy: String?
    var sendBufferBytes: Int?
    var reconnectsMax = 0
    /// Sends no frames; only reads.
    var isIdle = false

    init?(_ words: ArraySlice<String>) {
        guard let url = words.first else { return nil }
        self.url = url
        var rest = words.dropFirst()
        while let name = rest.popFirst() {
            if name == "--idle" {
                isIdle = true
                continue
            }
            guard let value = rest.popFirst() else { return nil }
            switch name {
            case "--seconds": seconds = Double(value) ?? seconds
            case "--heartbeat": heartbeatSeconds = Double(value) ?? heartbeatSeconds
            case "--timeout": timeoutSeconds = Double(value) ?? timeoutSeconds
            case "--close": closeSeconds = Double(value) ?? closeSeconds
            case "--ca": caFile = value
            case "--send-buffer": sendBufferBytes = Int(value)
            case "--proxy": proxy = value
            case "--reconnects": reconnectsMax = Int(value) ?? 0
            default: return nil
            }
        }
    }

    func options() -> WebSocketOptions {
        var options = WebSocketOptions()
        options.allowInsecure = true
        options.heartbeatSeconds = heartbeatSeconds
        options.handshakeTimeoutNanoseconds = .seconds(30)
        options.limits.closeNanoseconds = Int64(closeSeconds * 1e9)
        options.stream.proxy = .none
        options.stream.caFile = caFile
        options.stream.sendBufferBytes = sendBufferBytes
        let timeout = Int64(timeoutSeconds * 1e9)
        options.stream.connectTimeoutNanoseconds = timeout
        options.stream.proxyTimeoutNanoseconds = timeout
        options.stream.tlsTimeoutNanoseconds = timeout
        if let proxy, let setting = StreamProxy(url: proxy) { options.stream.proxy = .explicit(setting) }
        return options
    }
}

/// One line of report, at once.
func report(_ words: String...) {
    print(words.joined(separator: " "))
    fflush(nil)
}

func milliseconds(_ nanoseconds: Int64) -> String { String(nanoseconds / 1_000_000) }

/// The most memory that this process has held, in KiB.
func peakMemoryKiB() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss
}

/// The name of a cause without what belongs to it.
func name(_ cause: Any) -> String { String("\(cause)".prefix { $0 != "(" }) }

@main
struct FaultClient {
    static func main() {
        guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
            report("usage: fault-client URL [options]")
            exit(2)
        }
        var limits = ReconnectPolicy.Limits()
        limits.attemptsMax = arguments.reconnectsMax
        var policy = ReconnectPolicy(limits: limits)
        var random = SystemRandomNumberGenerator()
        let stalls = StallWatch.start()
        var number: UInt32 = 0
        while true {
            number += 1
            let lost = attempt(number, arguments, stalls, &policy)
            guard let lost, arguments.reconnectsMax > 0 else { break }
            guard case .reconnect(let time) = policy.failed(lost, now: monotonicNow(), random: random.next()) else {
                report("gave-up")
                break
            }
            usleep(UInt32(clamping: max(0, time.nanoseconds(since: monotonicNow())) / 1000))
        }
        report("end", String(peakMemoryKiB()))
    }

    /// One connection. nil when it came to its planned end.
    private static func attempt(
        _ number: UInt32, _ arguments: Arguments, _ stalls: StallWatch, _ policy: inout ReconnectPolicy
    ) -> ReconnectPolicy.Failure? {
        let start = monotonicNow()
        do {
            let driver = try WebSocketDriver(url: try WebSocketURL(arguments.url), options: arguments.options())
            try driver.connect()
            let now = monotonicNow()
            policy.connected(now: now)
            report("connected", milliseconds(now.nanoseconds(since: start)), String(peakMemoryKiB()))
            var call = Call(
                driver: driver, number: number, arguments: arguments, stalls: stalls, start: start, now: now)
            return try call.run() ? nil : .transient(retryAfterSeconds: nil)
        } catch let error as WebSocketError {
            let took = milliseconds(monotonicNow().nanoseconds(since: start))
            if case .stream(let error) = error {
                report("failed", took, "\(error.cause)".replacing(" ", with: ""), error.description)
            } else {
                report("failed", took, name(error), error.description)
            }
            return .transient(retryAfterSeconds: nil)
        } catch {
            report("failed", "0", "unknown", "\(error)")
            return nil
        }
    }
}

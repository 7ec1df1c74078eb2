import Foundation
import VoiceKit
import VoiceRealtime
import VoiceSecureStream

/// The stage beyond this machine: name, connection and TLS of the relay, and its WebSocket. No key is sent.
enum RelayCheck {
    static func run(base: String, caFile: String?, allowsInsecure: Bool) -> Finding {
        let endpoint = RelayEndpoint(base: base, token: "", caFile: caFile, allowsInsecure: allowsInsecure)
        let isTLS = endpoint.url.hasPrefix("wss://")
        guard isTLS || endpoint.isLoopback || allowsInsecure else {
            return Finding(
                "relay", .problem, "ws:// to \(endpoint.name) would send key and voice readable; use wss://")
        }
        guard let parts = URLComponents(string: endpoint.url), let host = parts.host, !host.isEmpty else {
            return Finding("relay", .problem, "\(base) is not the address of a relay")
        }
        var options = StreamOptions()
        options.caFile = caFile
        let start = monotonicNow()
        do throws(StreamError) {
            let stream = try SecureStream.connect(
                to: StreamEndpoint(host: host, port: parts.port ?? (isTLS ? 443 : 80), isTLS: isTLS), options: options,
                deadline: start.advanced(byNanoseconds: .seconds(10)), wake: -1)
            let milliseconds = Double(monotonicNow().nanoseconds(since: start)) / 1e6
            let summary = stream.summary
            stream.close()
            do throws(ConversionError) {
                try endpoint.probe()
            } catch {
                return Finding("relay", .problem, "\(error)", ["connect_ms": milliseconds])
            }
            let security = isTLS ? "\(summary.tlsVersion), \(summary.tlsCipher)" : "without TLS"
            let proxy = summary.proxy.isEmpty ? "" : " through the proxy \(summary.proxy)"
            return Finding(
                "relay", .good,
                "\(endpoint.name) at \(summary.remoteAddress)\(proxy), \(security), connected in "
                    + "\(SoundCheck.text(milliseconds)) ms",
                ["connect_ms": milliseconds])
        } catch {
            return Finding("relay", .problem, "\(error)")
        }
    }
}

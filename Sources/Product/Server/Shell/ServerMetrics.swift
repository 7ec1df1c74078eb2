import Synchronization

/// What the server counts, in Prometheus' text format (version 0.0.4).
package final class ServerMetrics: Sendable {
    private struct Route: Hashable {
        let method: String
        let path: String
        let status: Int
    }

    private struct Times {
        var count = 0
        var seconds = 0.0
        var buckets = [Int](repeating: 0, count: ServerMetrics.bounds.count)
    }

    private struct State {
        var requests: [Route: Int] = [:]
        var times = Times()
        var sessionsOpen = 0
        var sessionsTotal = 0
        var sessionsRefused = 0
    }

    private static let bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10]
    /// Routes are templates, so few; the bound is for what is none.
    private static let routesMax = 1_000
    private let state = Mutex(State())

    package init() {}

    func countRequest(method: String, path: String, status: Int, seconds: Double) {
        state.withLock { state in
            let route = Route(method: method, path: path, status: status)
            if state.requests[route] != nil || state.requests.count < Self.routesMax {
                state.requests[route, default: 0] += 1
            }
            state.times.count += 1
            state.times.seconds += seconds
            for (index, bound) in Self.bounds.enumerated() where seconds <= bound { state.times.buckets[index] += 1 }
        }
    }

    func openSession() {
        state.withLock {
            $0.sessionsOpen += 1
            $0.sessionsTotal += 1
        }
    }

    func closeSession() { state.withLock { $0.sessionsOpen -= 1 } }

    func refuseSession() { state.withLock { $0.sessionsRefused += 1 } }

    /// - Parameter gauges: further values by name.
    func text(gauges: [(name: String, help: String, value: Int)]) -> String {
        let state = state.withLock { $0 }
        var lines: [String] = []
        func add(_ name: String, _ type: String, _ help: String, _ samples: [String]) {
            lines.append("# HELP quota_voice_\(name) \(help)")
            lines.append("# TYPE quota_voice_\(name) \(type)")
            lines += samples.map { "quota_voice_\(name)\($0)" }
        }
        let requests = state.requests.map { route, count in
            "{method=\"\(Self.label(route.method))\",route=\"\(Self.label(route.path))\",status=\"\(route.status)\"} "
                + "\(count)"
        }
        add("http_requests_total", "counter", "Requests by route and status.", requests.sorted())
        var times = zip(Self.bounds, state.times.buckets).map { "_bucket{le=\"\($0)\"} \($1)" }
        times.append("_bucket{le=\"+Inf\"} \(state.times.count)")
        times.append("_sum \(state.times.seconds)")
        times.append("_count \(state.times.count)")
        add("http_request_seconds", "histogram", "From a request's head to its answer's head.", times)
        add("sessions_open", "gauge", "Voice connections that are open.", [" \(state.sessionsOpen)"])
        add("sessions_total", "counter", "Voice connections since the start.", [" \(state.sessionsTotal)"])
        add("sessions_refused_total", "counter", "Voice connections above the limit.", [" \(state.sessionsRefused)"])
        for gauge in gauges { add(gauge.name, "gauge", gauge.help, [" \(gauge.value)"]) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func label(_ text: String) -> String {
        let short = String(text.prefix(200))
        return short.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

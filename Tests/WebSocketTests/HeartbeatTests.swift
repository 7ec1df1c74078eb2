import Testing
import VoiceRealtime
import VoiceWebSocket

@Suite("Heartbeat")
struct HeartbeatTests {
    let start = MonotonicTime(nanoseconds: 50_000_000_000)

    func at(_ seconds: Double) -> MonotonicTime { start.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    /// Ticks exactly when asked, until `end`; what happened with its time in seconds.
    func run(_ heartbeat: inout Heartbeat, until end: Double, pongDelay: Double? = nil) -> [String] {
        var log: [String] = []
        var pongs: [MonotonicTime] = []
        while true {
            let next = min(heartbeat.nextDeadline, pongs.first ?? heartbeat.nextDeadline)
            guard next <= at(end) else { return log }
            if let pong = pongs.first, pong <= next {
                pongs.removeFirst()
                heartbeat.traffic(now: pong)
            }
            switch heartbeat.tick(now: next) {
            case .none: break
            case .sendPing:
                log.append("ping \(Double(next.nanoseconds(since: start)) / 1e9)")
                if let pongDelay { pongs.append(next.advanced(byNanoseconds: Int64(pongDelay * 1e9))) }
            case .lost:
                return log + ["lost \(Double(next.nanoseconds(since: start)) / 1e9)"]
            }
        }
    }

    @Test("pings every interval, and silence of two is the end, to the moment")
    func silence() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(5), now: start)
        #expect(run(&heartbeat, until: 100) == ["ping 5.0", "lost 10.0"])
    }

    @Test("a peer that answers is never lost")
    func answering() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(5), now: start)
        let log = run(&heartbeat, until: 1000, pongDelay: 4.9)
        #expect(log.count == 200)
        #expect(!log.contains { $0.hasPrefix("lost") })
    }

    @Test("any traffic counts: the bound runs from the last of it")
    func traffic() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(5), now: start)
        heartbeat.traffic(now: at(3))
        #expect(run(&heartbeat, until: 100) == ["ping 5.0", "ping 10.0", "lost 13.0"])
    }

    @Test("a process that was stopped gives the peer one interval to answer, then judges")
    func stopped() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(5), now: start)
        #expect(heartbeat.tick(now: at(5)) == .sendPing)
        #expect(heartbeat.tick(now: at(60)) == .sendPing)
        #expect(heartbeat.tick(now: at(64.9)) == .none)
        #expect(heartbeat.tick(now: at(65)) == .lost)
    }

    @Test("a process that was stopped before its ping judges nobody without one")
    func stoppedBeforePing() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(5), now: start)
        #expect(heartbeat.tick(now: at(4)) == .none)
        #expect(heartbeat.tick(now: at(10.5)) == .sendPing)
        heartbeat.traffic(now: at(10.6))
        #expect(heartbeat.tick(now: at(15)) == .none)
        #expect(heartbeat.tick(now: at(15.6)) == .sendPing)
    }

    @Test("a process that is stopped again and again still finds out")
    func stoppedForEver() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(1), now: start)
        #expect(heartbeat.tick(now: at(30)) == .sendPing)
        #expect(heartbeat.tick(now: at(60)) == .lost)
    }

    @Test("an application that does not read holds nothing against the peer")
    func paused() {
        var heartbeat = Heartbeat(intervalNanoseconds: .seconds(5), now: start)
        heartbeat.pause(now: at(9))
        #expect(run(&heartbeat, until: 100) == ["ping 14.0", "lost 19.0"])
    }

    @Test("absurd intervals neither trap nor spin", arguments: [Int64.min, -1, 0, Int64.max / 4])
    func absurd(interval: Int64) {
        var heartbeat = Heartbeat(intervalNanoseconds: interval, now: start)
        #expect(heartbeat.nextDeadline > start)
        _ = heartbeat.tick(now: at(1e6))
    }
}

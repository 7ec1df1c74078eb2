import Foundation

/// Thousands of sessions that come and go in every way, beside a few that stay.
enum ChurnBench {
    private static let atOnce = 64

    static func run(program: String, sessions: Int, speech: Speech16k) throws {
        guard let subject = LoadSubject.all(speech).dropFirst().first else { return }
        let server = try Served(program: program, options: subject.options)
        show("\nchurn: \(sessions) sessions opened and ended or dropped, \(atOnce) at once, beside 4 that stay")
        let staying = (0..<4).map { LoadClient(subject, port: server.port, offset: 100 * $0) }
        let crowd = Crowd()
        crowd.clients = staying
        crowd.run(for: 2)
        for client in staying { client.noteDelays = true }
        show("opened    seconds   per second  server RSS MB  stayed p50, p99, worst ms")
        let started = monotonicSeconds()
        var opened = 0
        var done = 0
        var lost = 0
        let waves = 4
        for wave in 1...waves {
            let goal = sessions * wave / waves
            var passing: [LoadClient] = []
            while opened < goal || !passing.isEmpty {
                while opened < goal, passing.count < atOnce {
                    passing.append(LoadClient(subject, port: server.port, offset: opened % 500, number: opened))
                    opened += 1
                }
                crowd.clients = staying + passing
                crowd.run(for: 0.01)
                for client in passing { leave(client) }
                done += passing.count { $0.hasDone && $0.phase == .closed }
                lost += passing.count { $0.closeCode == 1006 || $0.closeCode == 1013 }
                passing.removeAll { $0.phase == .closed }
                if monotonicSeconds() - started > 300 { break }
            }
            crowd.clients = staying
            crowd.run(for: 1)
            let delays = staying.flatMap(\.delays).sorted()
            show(
                String(
                    format: "%6d  %9.1f  %11.0f  %13.1f  %10.2f %8.2f %8.2f", opened, monotonicSeconds() - started,
                    Double(opened) / (monotonicSeconds() - started), server.residentKilobytes / 1_024,
                    delays.isEmpty ? 0 : delays[delays.count / 2] * 1_000,
                    delays.isEmpty ? 0 : delays[delays.count * 99 / 100] * 1_000, (delays.last ?? 0) * 1_000))
        }
        let stayed = staying.count { $0.closeCode == nil && $0.framesSent - $0.framesBack < 10 }
        show("ended with a bill: \(done); broken or refused by the server: \(lost); of 4 that stay, whole: \(stayed)")
        crowd.clients = []
        if !server.stop() { show("the server did not end well") }
    }

    /// Each in its way, by chance: before it said who it is, in mid-stream, or properly.
    private static func leave(_ client: LoadClient) {
        switch (client.phase, client.number % 4) {
        case (.upgrading, 0), (.authenticating, 1): client.drop()
        case (.ready, 2) where client.framesBack >= 3: client.drop()
        case (.ready, _) where client.framesBack >= 3 && client.nextSend < .infinity:
            client.nextSend = .infinity
            client.say("{\"type\":\"end\"}")
        default: break
        }
    }
}

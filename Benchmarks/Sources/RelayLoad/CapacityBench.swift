import Foundation

/// More and more sessions in real time, until the machine is full.
enum CapacityBench {
    static let steps = [10, 50, 100, 200, 400, 800]
    /// From here on the machine counts as full.
    static let delayMax: Float = 0.1

    static func run(_ subject: LoadSubject, program: String, seconds: Double) throws {
        let server = try Served(program: program, options: subject.options)
        let empty = server.residentKilobytes
        show("\n\(subject.name): sessions in real time, \(Int(seconds)) s a step")
        show("sessions  share of a core each  sessions/core  delay p50 ms    p99 ms    worst ms  kB/session  closed")
        let crowd = Crowd()
        for count in steps {
            // A few at a time, at random places within 20 ms, as people come.
            while crowd.clients.count < count {
                let more = min(20, count - crowd.clients.count)
                crowd.clients += (0..<more).map { _ in
                    LoadClient(subject, port: server.port, offset: Int.random(in: 0..<subject.frames.count))
                }
                crowd.run(for: 0.05 + Double.random(in: 0...0.02))
            }
            crowd.run(for: 1)
            for client in crowd.clients { client.noteDelays = true }
            let before = (server.processorSeconds, crowd.clients.reduce(0) { $0 + $1.framesBack })
            let measured = crowd.clients.map(\.delays.count)
            crowd.run(for: seconds)
            // By the frames that were answered, 50 of which are a session's second: a machine that is full answers fewer.
            let answered = crowd.clients.reduce(0) { $0 + $1.framesBack } - before.1
            let share = (server.processorSeconds - before.0) / (Double(max(answered, 1)) / 50)
            let delays = zip(crowd.clients, measured).flatMap { $0.delays[$1...] }.sorted()
            let closed = crowd.clients.count { $0.closeCode != nil }
            let memory = (server.residentKilobytes - empty) / Double(count)
            let p99 = delays.isEmpty ? Float.infinity : delays[delays.count * 99 / 100]
            show(
                String(
                    format: "%8d  %19.3f %%  %13.0f  %12.2f  %8.2f  %10.1f  %10.0f  %6d", count, share * 100, 1 / share,
                    delays.isEmpty ? 0 : delays[delays.count / 2] * 1_000, p99 * 1_000, (delays.last ?? 0) * 1_000,
                    memory, closed))
            let causes = Dictionary(grouping: crowd.clients.filter { $0.closeCode != nil }) { client in
                "\(client.closeCode ?? 0) \(client.closeReason)"
            }
            for (cause, clients) in causes { show("          closed \(clients.count) times: \(cause)") }
            if p99 > delayMax || closed > 0 { break }
        }
        crowd.clients = []
        if !server.stop() { show("the server did not end well") }
    }
}

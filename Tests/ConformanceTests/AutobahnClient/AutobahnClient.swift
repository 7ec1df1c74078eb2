// The client under test for Autobahn|Testsuite's fuzzing server: echoes every message of every case.
// usage: autobahn-client ws://HOST:PORT AGENT

import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

struct Complaint: Error, CustomStringConvertible {
    var description: String
}

/// Opens one connection and gives every event to `take` until it is closed.
func run(_ url: String, take: (WebSocketEvent, WebSocketDriver) throws -> Void) throws {
    let options = WebSocketOptions()
    let driver = try WebSocketDriver(url: WebSocketURL(url), options: options)
    try driver.connect()
    let end = monotonicNow().advanced(byNanoseconds: .seconds(120))
    while true {
        while let event = driver.nextEvent() {
            try take(event, driver)
            if case .closed = event { return }
        }
        guard monotonicNow() < end else { throw Complaint(description: "\(url) did not end within 120 s") }
        try driver.wait(until: end)
    }
}

func echo(_ event: WebSocketEvent, _ driver: WebSocketDriver) throws {
    // A case may say Close while we echo: then there is nobody to answer.
    guard driver.isOpen else { return }
    switch event {
    case .text(let text): try driver.sendText(text)
    case .binary(let bytes): try driver.sendBinary(bytes)
    case .closed: break
    }
}

@main
struct AutobahnClient {
    static func main() throws {
        guard CommandLine.arguments.count == 3 else {
            throw Complaint(description: "usage: autobahn-client ws://HOST:PORT AGENT")
        }
        let base = CommandLine.arguments[1]
        let agent = CommandLine.arguments[2]
        var count = 0
        try run("\(base)/getCaseCount") { event, _ in
            if case .text(let text) = event { count = Int(text) ?? 0 }
        }
        guard count > 0 else { throw Complaint(description: "the server named no cases") }
        for number in 1...count {
            try run("\(base)/runCase?case=\(number)&agent=\(agent)", take: echo)
        }
        try run("\(base)/updateReports?agent=\(agent)") { _, _ in }
        print("\(count) cases run")
    }
}

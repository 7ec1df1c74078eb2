import Foundation

// usage: RestLoad PATH-OF-quota-voice PATH-OF-BareServer [SECONDS] [ROUNDS]
//
// Requests per second of the local server beside a bare Hummingbird, both asked in turn by `wrk` on the same machine: the
// ratio is what counts.

guard CommandLine.arguments.count >= 3 else {
    print("usage: RestLoad PATH-OF-quota-voice PATH-OF-BareServer [SECONDS] [ROUNDS]")
    exit(64)
}
let words = CommandLine.arguments
let seconds = words.count > 3 ? Int(words[3]) ?? 4 : 4
let rounds = words.count > 4 ? Int(words[4]) ?? 3 : 3
let served = try HTTPSubject.quota(program: words[1])
let bare = try HTTPSubject.bare(program: words[2])
defer {
    served.stop()
    bare.stop()
}
let subjects: [(name: String, server: HTTPSubject, path: String, isBare: Bool)] = [
    ("bare, text", bare, "/health", true), ("GET /health", served, "/health", false),
    ("bare, JSON", bare, "/json", true), ("GET /v1/models (API key)", served, "/v1/models", false),
    ("GET /v1/balance (API key)", served, "/v1/balance", false),
]
var rates = [[Double]](repeating: [], count: subjects.count)
for _ in 0..<rounds {
    for (index, subject) in subjects.enumerated() {
        rates[index].append(try Wrk.requestsPerSecond(subject.server, subject.path, seconds: seconds))
    }
}
print("| request | requests/s (median of \(rounds)) | of the bare server |")
print("|---|---:|---:|")
var bareRate = 0.0
for (subject, rates) in zip(subjects, rates) {
    let median = rates.sorted()[rates.count / 2]
    if subject.isBare { bareRate = median }
    let share = subject.isBare ? "" : String(format: "%.0f %%", 100 * median / bareRate)
    print("| \(subject.name) | \(String(format: "%.0f", median)) | \(share) |")
}

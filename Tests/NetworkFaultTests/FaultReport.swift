import Foundation
import Testing

/// What a FaultClient process says, line by line.
final class FaultReport {
    struct Closed {
        var cause: String
        var code: Int
        /// From the last byte that came to the closure.
        var silenceMilliseconds: Int
        var sent: Int
        var echoed: Int
        var dropped: Int
        /// Echoes that were out of order, changed or of another connection.
        var wrong: Int
        var oldestEchoMilliseconds: Int
        var pendingBytesPeak: Int
        var longestSilenceMilliseconds: Int
        /// The silence can't have been longer: when the last byte came, is known to a frame's time.
        var silenceMillisecondsMax: Int
        /// How much of the silence the machine did not let the client run.
        var stalledMilliseconds: Int
    }

    private let child: Child
    private(set) var memoryAtStartKiB = 0

    init(_ child: Child) {
        self.child = child
    }

    var identifier: Int32 { child.identifier }

    /// The words of the next line that begins with one of the names; a bound turns a hang into a failure.
    private func next(_ names: Set<String>, seconds: Double, _ location: SourceLocation) throws -> [String] {
        let end = Date(timeIntervalSinceNow: seconds)
        while let line = child.line(seconds: end.timeIntervalSinceNow) {
            let words = line.split(separator: " ").map(String.init)
            if let name = words.first, names.contains(name) { return words }
        }
        Issue.record("the client said none of \(names.sorted()) in \(seconds) s", sourceLocation: location)
        throw FaultNetwork.Failure(description: "no \(names.sorted())")
    }

    /// Waits for an open connection.
    func connected(seconds: Double = 60, _ location: SourceLocation = #_sourceLocation) throws {
        let words = try next(["connected", "failed"], seconds: seconds, location)
        #expect(words[0] == "connected", "\(words)", sourceLocation: location)
        if memoryAtStartKiB == 0 { memoryAtStartKiB = Int(words.last ?? "") ?? 0 }
    }

    /// Waits for a later connection while attempts may fail.
    func reconnected(seconds: Double = 60, _ location: SourceLocation = #_sourceLocation) throws {
        _ = try next(["connected"], seconds: seconds, location)
    }

    /// Waits until so many frames have come back.
    func echoed(_ count: Int, seconds: Double = 60, _ location: SourceLocation = #_sourceLocation) throws {
        while try Int(next(["progress"], seconds: seconds, location)[2]) ?? 0 < count {}
    }

    /// Waits for the end of a connection.
    func closed(seconds: Double = 120, _ location: SourceLocation = #_sourceLocation) throws -> Closed {
        let words = try next(["closed"], seconds: seconds, location)
        print("network fault:", words.joined(separator: " "))
        let numbers = words.dropFirst(2).compactMap { Int($0) }
        guard numbers.count == 11 else { throw FaultNetwork.Failure(description: "\(words)") }
        return Closed(
            cause: words[1], code: numbers[0], silenceMilliseconds: numbers[1], sent: numbers[2], echoed: numbers[3],
            dropped: numbers[4], wrong: numbers[5], oldestEchoMilliseconds: numbers[6], pendingBytesPeak: numbers[7],
            longestSilenceMilliseconds: numbers[8], silenceMillisecondsMax: numbers[9],
            stalledMilliseconds: numbers[10])
    }

    /// Waits for a connection that could not be opened; returns the cause.
    func failed(seconds: Double = 60, _ location: SourceLocation = #_sourceLocation) throws -> String {
        let words = try next(["failed", "connected"], seconds: seconds, location)
        print("network fault:", words.joined(separator: " "))
        #expect(words[0] == "failed", sourceLocation: location)
        return words.count > 2 ? words[2] : ""
    }

    /// Waits for the end of the process; the memory that it took beyond what it had at its first connection.
    func memoryGrowthKiB(seconds: Double = 60, _ location: SourceLocation = #_sourceLocation) throws -> Int {
        let words = try next(["end"], seconds: seconds, location)
        return (Int(words[1]) ?? .max) - memoryAtStartKiB
    }
}

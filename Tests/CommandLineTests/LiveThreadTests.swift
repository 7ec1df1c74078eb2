import Foundation
import ProcessSupport
import Testing

/// The sound threads of a whole session, watched from outside: once sound runs they ask nothing of the heap.
@Suite(.boundedCrowd) struct LiveThreadTests {
    private struct Count: Equatable {
        let name: String
        let laps: Int
        let allocations: Int
        let frees: Int
    }

    private func counts(_ words: [String], key: String? = nil, plants: Bool = false) async throws -> [Count] {
        let cards = try await LiveCards()
        var watch = ["LD_PRELOAD": cards.heapWatch, "HEAP_WATCH_OUT": cards.scratch("heap")]
        if plants { watch["HEAP_WATCH_PLANT"] = "1" }
        let process = try cards.live(words, key: key, adding: watch)
        try await process.waitFor("five seconds of sound") { $0.heard == "converted" && ($0.seconds ?? 0) > 5 }
        #expect(try await cards.ctl("bypass").status == 0)
        #expect(try await cards.ctl("unbypass").status == 0)
        #expect(try await cards.ctl("quit").status == 0)
        #expect(try await process.result(within: 60).status == 0)
        return String(decoding: try cards.scratch.read("heap"), as: UTF8.self).split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int($0) }
            return Count(name: String(words[0]), laps: numbers[0], allocations: numbers[1], frees: numbers[2])
        }
    }

    private func most(_ counts: [Count], _ name: String, _ number: KeyPath<Count, Int>) -> Int {
        counts.filter { $0.name == name }.map { $0[keyPath: number] }.max() ?? 0
    }

    private func expectNothing(_ counts: [Count]) {
        // A device that ran dry is opened again, with another thread.
        for name in ["sound-in", "sound-out"] { #expect(most(counts, name, \.laps) > 50, "\(counts)") }
        #expect(Set(counts.map(\.name)) == ["sound-in", "sound-out"])
        for count in counts {
            #expect(count.allocations == 0, "\(count)")
            #expect(count.frees == 0, "\(count)")
        }
    }

    @Test func nothingOnThisMachine() async throws {
        expectNothing(try await counts(["--local", "--gate", "-50", "--high-pass"]))
    }

    @Test func nothingThroughARelay() async throws {
        let relay = try await ServedRelay(keys: ["sk-quota-heap": 1_000_000_000])
        expectNothing(try await counts(["--relay", relay.url, "--wire", "opus"], key: "sk-quota-heap"))
    }

    @Test func anythingWouldBeCounted() async throws {
        let counts = try await counts(["--local"], plants: true)
        #expect(Set(counts.map(\.name)) == ["sound-in", "sound-out"])
        for name in ["sound-in", "sound-out"] {
            #expect(most(counts, name, \.allocations) > 50 && most(counts, name, \.frees) > 50, "\(counts)")
        }
    }
}

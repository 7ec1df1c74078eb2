import Foundation
import Synchronization
import VoiceKit

/// Several files on a few threads of their own, and the view that shows how far they are.
final class ConvertBatch: Sendable {
    private struct State {
        var next = 0
        var running: [Int: any SoundConversion] = [:]
        var isCancelled = false
        var outcomes: [ConvertJob.Outcome] = []
    }

    private let items: [ConvertPlan.Item]
    private let settings: ConvertJob.Settings
    private let jobs: Int
    private let view: ConvertView
    private let makeConversion: @Sendable () -> any SoundConversion
    private let state = Mutex(State())

    /// - Parameter makeConversion: makes the conversion of one file.
    init(
        items: [ConvertPlan.Item], settings: ConvertJob.Settings, jobs: Int, view: ConvertView,
        makeConversion: @escaping @Sendable () -> any SoundConversion
    ) {
        self.items = items
        self.settings = settings
        self.jobs = min(jobs, items.count)
        self.view = view
        self.makeConversion = makeConversion
    }

    /// Converts all files and returns what became of each that began. Does not block Swift's own threads.
    func run() async -> [ExitStatus] {
        view.start()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<jobs {
                group.addTask {
                    await Self.onThread { self.work() }
                }
            }
        }
        let outcomes = state.withLock { $0.outcomes }
        view.finish(outcomes)
        return outcomes.map(\.status)
    }

    /// Runs blocking work on a thread of its own, so that it holds up none of Swift's.
    static func onThread<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            let thread = Thread { continuation.resume(returning: work()) }
            thread.name = "convert"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// Stops what runs, cleans up behind it, and begins nothing new.
    func cancel() {
        let running = state.withLock { state in
            state.isCancelled = true
            return Array(state.running.values)
        }
        for conversion in running { conversion.cancel() }
    }

    private func work() {
        while let (index, conversion) = begin() {
            let job = ConvertJob(item: items[index], settings: settings, conversion: conversion)
            let progress = ConversionProgress()
            view.begin(index, items[index], progress)
            let outcome = job.run(progress)
            state.withLock { state in
                state.running[index] = nil
                state.outcomes.append(outcome)
            }
            view.end(index, outcome)
        }
    }

    private func begin() -> (Int, any SoundConversion)? {
        state.withLock { state in
            guard !state.isCancelled, state.next < items.count else { return nil }
            let index = state.next
            state.next += 1
            let conversion = makeConversion()
            state.running[index] = conversion
            return (index, conversion)
        }
    }
}

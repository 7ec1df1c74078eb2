import Foundation
import ProcessSupport
import Testing

/// The compiler holds audio-thread code to its promises through two underscored attributes. These tests would notice
/// a toolchain in which they have lost their meaning: bad code must not compile, good code must.
@Suite struct AudioThreadCheckTests {
    /// A source that must be refused, with a part of the reason.
    struct Planted: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        let source: String
    }

    static let bad = [
        Planted(
            testDescription: "an array grows", reason: "reference counting",
            source: """
                @_noLocks @_noAllocation
                public func entry(_ samples: inout [Float]) { samples.append(0) }
                """),
        Planted(
            testDescription: "an object is made", reason: "allocat",
            source: """
                public final class Box { public var value = 0 }
                @_noLocks @_noAllocation
                public func entry() -> Int { let box = Box(); return box.value }
                """),
        Planted(
            testDescription: "a lock is taken", reason: "lock",
            source: """
                import Synchronization
                let shared = Mutex(0)
                @_noLocks @_noAllocation
                public func entry() -> Int { shared.withLock { $0 } }
                """),
        Planted(
            testDescription: "a reference is counted", reason: "reference counting",
            source: """
                public final class Box { public var value = 0 }
                public struct Holder { public var box: Box; public var copy: Box }
                @_noLocks @_noAllocation
                public func entry(_ holder: inout Holder) { holder.copy = holder.box }
                """),
        Planted(
            testDescription: "a lazy global is read", reason: "lock",
            source: """
                func measure() -> Int { CommandLine.arguments.count }
                let table = measure()
                @_noLocks @_noAllocation
                public func entry() -> Int { table }
                """),
        Planted(
            testDescription: "a C function outside of the audited list is called", reason: "unpredictable",
            source: """
                import Glibc
                @_noLocks @_noAllocation
                public func entry() { usleep(1) }
                """),
        Planted(
            testDescription: "the fault hides two calls deep", reason: "called from here",
            source: """
                func deepest(_ samples: inout [Float]) { samples.append(1) }
                func deeper(_ samples: inout [Float]) { deepest(&samples) }
                @_noLocks @_noAllocation
                public func entry(_ samples: inout [Float]) { deeper(&samples) }
                """),
        Planted(
            testDescription: "a ring gets a second producer", reason: "consumed",
            source: """
                import VoiceRealtime
                func use(_ one: consuming RingProducer<Float>, _ other: consuming RingProducer<Float>) {}
                public func entry(_ producer: consuming RingProducer<Float>) { use(producer, producer) }
                """),
        Planted(
            testDescription: "a ring of objects is made", reason: "BitwiseCopyable",
            source: """
                import VoiceRealtime
                final class Box {}
                func entry() { _ = makeRing(of: Box.self, capacityMin: 8) }
                """),
    ]

    static let good = """
        import VoiceRealtime
        public struct Event: BitwiseCopyable { var kind: UInt8; var value: Float }
        public struct Callback: ~Copyable {
            var samples: RingConsumer<Float>
            var events: RingProducer<Event>
            var missing = 0

            @_noLocks @_noAllocation
            public mutating func entry(_ output: UnsafeMutableBufferPointer<Float>) {
                let got = samples.readSamples(into: output)
                for index in got..<output.count { output[index] = 0 }
                missing &+= output.count &- got
                if got < output.count { _ = events.write(Event(kind: 1, value: Float(missing))) }
            }
        }
        """

    /// Compiles one source against the modules of this build; diagnostics of this kind need SIL, so not `-typecheck`.
    private func compile(_ source: String, optimised: Bool) throws -> (isAccepted: Bool, output: String) {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("planted-\(UUID().uuidString)", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("Planted.swift")
        try Data(source.utf8).write(to: file)
        let products = try #require(Bundle.main.executableURL).deletingLastPathComponent()

        let compiler = ChildProcess()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = [
            "swiftc", "-c", "-parse-as-library", "-swift-version", "6", optimised ? "-O" : "-Onone",
            "-I", products.appendingPathComponent("Modules").path,
            "-o", folder.appendingPathComponent("Planted.o").path, file.path,
        ]
        let pipe = Pipe()
        compiler.standardError = pipe
        compiler.standardOutput = pipe
        try compiler.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        compiler.waitUntilExit()
        return (compiler.terminationStatus == 0, String(decoding: output, as: UTF8.self))
    }

    @Test(arguments: bad)
    func planted_code_is_refused(planted: Planted) throws {
        let (isAccepted, output) = try compile(planted.source, optimised: false)
        #expect(!isAccepted)
        // For this reason, and not because something else is wrong with the source.
        #expect(output.contains("error:") && output.contains(planted.reason), "\(output)")
    }

    @Test(arguments: [false, true])
    func good_code_is_accepted(optimised: Bool) throws {
        let (isAccepted, output) = try compile(Self.good, optimised: optimised)
        #expect(isAccepted, "\(output)")
    }
}

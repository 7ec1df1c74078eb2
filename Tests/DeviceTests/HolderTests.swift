import Foundation
import ProcessSupport
import Testing
import VoiceALSADevice

/// Who keeps a card busy, as the kernel tells in /proc; here a tree that looks like it.
@Suite struct HolderTests {
    private func tree() throws -> Scratch {
        let scratch = try Scratch()
        func file(_ path: String, _ text: String) throws {
            let folder = (scratch(path) as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try scratch.write(path, text)
        }
        try file("asound/card0/id", "PCH\n")
        try file("asound/card0/pcm0p/sub0/status", "closed\n")
        try file("asound/card0/pcm0p/sub1/status", "state: RUNNING\nowner_pid   : 4243\ntrigger_time: 1.5\n")
        try file("asound/card0/pcm0c/sub0/status", "closed\n")
        try file("asound/card1/id", "Mic\n")
        try file("asound/card1/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 77\n")
        // A thread of the process 4242 has opened it.
        try file("4243/status", "Name:\taudio\nTgid:\t4242\n")
        try file("4242/status", "Name:\tfirefox\nTgid:\t4242\n")
        try file("4242/comm", "firefox\n")
        try file("77/comm", "arecord\n")
        // One more that only its descriptor gives away.
        try file("88/comm", "sox\n")
        try FileManager.default.createDirectory(atPath: scratch("88/fd"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: scratch("88/fd/5"), withDestinationPath: scratch("snd/pcmC1D0c"))
        return scratch
    }

    private func holders(_ device: String, _ direction: DeviceDirection) throws -> [DeviceHolder] {
        let scratch = try tree()
        return DeviceHolders(procRoot: scratch.path, soundFolder: scratch("snd"))
            .holders(of: device, direction: direction)
    }

    @Test func namesTheProcessOfTheThreadThatOpenedTheCard() throws {
        #expect(try holders("hw:CARD=PCH,DEV=0", .playback) == [.init(processIdentifier: 4_242, name: "firefox")])
        #expect(try holders("hw:CARD=PCH,DEV=0", .capture).isEmpty)
        #expect(try holders("hw:CARD=PCH,DEV=7", .playback).isEmpty)
    }

    @Test func findsEveryProcessWithADescriptor() throws {
        let both: [DeviceHolder] = [
            .init(processIdentifier: 77, name: "arecord"), .init(processIdentifier: 88, name: "sox"),
        ]
        #expect(try holders("plughw:CARD=Mic", .capture) == both)
    }

    @Test func looksAtAllCardsWhenTheNameHasNone() throws {
        #expect(try holders("default", .playback).map(\.name) == ["firefox"])
        #expect(try holders("default", .capture).map(\.name) == ["arecord", "sox"])
    }
}

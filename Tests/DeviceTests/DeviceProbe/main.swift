import CRealtime
import Glibc
import VoiceALSADevice
import VoiceRealtime
import VoiceVirtualMicrophone

// A microphone connected to a speaker, and nothing between them: what the tests run where devices are found through the
// environment of a process. One line on standard output for each thing that happens; ends on SIGTERM or when standard
// input is closed.
//
//   DeviceProbe INPUT OUTPUT [LATENCY-MILLISECONDS]
//
// OUTPUT may be microphone:NAME, a virtual microphone that is made for it.

let arguments = CommandLine.arguments
guard arguments.count >= 3, let latency = arguments.count > 3 ? Int64(arguments[3]) : 10 else {
    print("usage: DeviceProbe INPUT OUTPUT [LATENCY-MILLISECONDS]")
    exit(64)
}

/// One line, written at once: standard output is a file in the tests.
@Sendable func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

func options(_ device: DeviceOptions) -> DeviceOptions {
    var options = device
    options.latencyNanoseconds = .milliseconds(latency)
    return options
}

func describe(_ device: SoundDevice) -> String {
    let granted = device.status.configuration
    return """
        \(device.direction) \(granted.name) \(granted.sampleRate) Hz \(granted.channels) channels \(granted.format) \
        \(granted.access) period \(granted.periodFrames) buffer \(granted.bufferFrames) queue \(granted.queueFrames) \
        \(granted.scheduling) locked \(granted.isMemoryLocked)
        """
}

func report(_ device: SoundDevice) {
    for event in device.takeEvents() {
        switch event {
        case .lost(let error): say("\(device.direction) lost \(error.cause): \(error)")
        case .stillLost(let error): say("\(device.direction) still lost \(error.cause): \(error)")
        case .recovered(_, let nanoseconds): say("\(device.direction) recovered after \(nanoseconds / 1_000_000) ms")
        case .stalled, .movedAgain, .onlyZeros, .soundReturned: say("\(device.direction) \(event)")
        case .relaxed: say("\(device.direction) relaxed")
        case .wrongRate(let hertz): say("\(device.direction) wrong rate \(hertz)")
        }
    }
}

StopSignal.install()
do {
    var output = DeviceOptions(name: arguments[2])
    var microphone: VirtualMicrophone?
    if output.name.hasPrefix("microphone:") {
        microphone = try VirtualMicrophone.create(name: String(output.name.dropFirst(11)))
        if let microphone { output = microphone.deviceOptions }
    }
    var capture = try SoundDevice.openCapture(options(DeviceOptions(name: arguments[1])))
    var playback = try SoundDevice.openPlayback(options(output))
    say("opened \(describe(capture.device))")
    say("opened \(describe(playback.device))")
    microphone?.watch { say("microphone \($0)") }
    var block = [Float](repeating: 0, count: 8_192)
    var entries = [
        pollfd(fd: capture.device.wakeDescriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
        pollfd(fd: StopSignal.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    var heard = false
    while entries[1].revents == 0, entries[2].revents == 0 {
        _ = crt_poll(&entries, 3, .milliseconds(200))
        capture.device.drainWake()
        // What stays behind in the ring beyond two latencies' worth is late.
        let most = 2 * Int(latency) * playback.device.sampleRate / 1_000
        let waiting = playback.samples.capacity - playback.samples.writableSamples()
        let late = capture.samples.readableSamples() + waiting - most
        if late > 0 { _ = capture.samples.discardSamples(late) }
        let count = block.withUnsafeMutableBufferPointer { capture.samples.readSamples(into: $0) }
        _ = block[..<count].withUnsafeBufferPointer { playback.samples.writeSamples($0) }
        report(capture.device)
        report(playback.device)
        if !heard, playback.device.takeLevels().peak > 0 {
            heard = true
            say("sound")
        }
    }
    capture.device.stop()
    playback.device.stop()
    microphone?.remove()
    let played = playback.device.status.counters
    say("played \(played.frames) starved \(played.starvedFrames) xruns \(played.xruns)")
} catch {
    say("refused: \(error)")
    exit(1)
}

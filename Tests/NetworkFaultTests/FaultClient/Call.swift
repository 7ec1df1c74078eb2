import VoiceRealtime
import VoiceSecureStream
import VoiceWebSocket
import VoiceWebSocketClient

/// One connection's traffic: what a live session does on its wire thread, with echoes in place of a converted voice.
struct Call {
    static let frameBytes = 640
    /// What a server that answers with little sends back.
    static let headBytes = 16
    static let frameNanoseconds: Int64 = .milliseconds(20)
    /// A frame is dropped, not queued, while more than this waits: old audio is worth nothing.
    static let pendingBytesMax = 16384

    private let driver: WebSocketDriver
    private let number: UInt32
    private let isIdle: Bool
    private let stalls: StallWatch
    /// A stop of this process moves it: the frames are all offered, later.
    private var end: MonotonicTime
    private var nextFrame: MonotonicTime
    private var sent: UInt32 = 0
    private var dropped = 0
    private var echoed: UInt32 = 0
    private var wrong = 0
    private var pendingBytesPeak = 0
    private var oldestEchoNanoseconds: Int64 = 0
    private var bytesReceived: UInt64 = 0
    /// The last bytes came between these two times.
    private var lastHeardAfter: MonotonicTime
    private var lastHeard: MonotonicTime
    private var stalledAtLastHeard: Int64
    private var longestSilenceNanoseconds: Int64 = 0
    private var nextReport: MonotonicTime
    private var hasClosed = false

    /// The connection came about between `start` and `now`.
    init(
        driver: WebSocketDriver, number: UInt32, arguments: Arguments, stalls: StallWatch, start: MonotonicTime,
        now: MonotonicTime
    ) {
        self.driver = driver
        self.number = number
        self.stalls = stalls
        isIdle = arguments.isIdle
        end = now.advanced(byNanoseconds: Int64(arguments.seconds * 1e9))
        nextFrame = now
        lastHeardAfter = start
        lastHeard = now
        stalledAtLastHeard = stalls.stalledNanoseconds()
        nextReport = now
    }

    /// Runs to the closure. Returns whether it was our own.
    mutating func run() throws -> Bool {
        while true {
            let now = monotonicNow()
            speak(now: now)
            while let event = driver.nextEvent() {
                switch event {
                case .binary(let bytes): listen(bytes, now: monotonicNow())
                case .text: wrong += 1
                case .closed(let closure): return finish(closure)
                }
            }
            let giveUp = end.advanced(byNanoseconds: .seconds(60))
            if now >= end, !hasClosed, sent == echoed || isIdle || now >= giveUp {
                hasClosed = true
                driver.close(code: 1000, reason: "")
            }
            let before = monotonicNow()
            try driver.wait(until: hasClosed ? now.advanced(byNanoseconds: .seconds(1)) : nextFrame)
            hear(after: before, now: monotonicNow())
        }
    }

    private mutating func speak(now: MonotonicTime) {
        if now >= nextReport {
            nextReport = now.advanced(byNanoseconds: .milliseconds(500))
            report("progress", String(sent), String(echoed))
        }
        guard now >= nextFrame else { return }
        nextFrame = nextFrame.advanced(byNanoseconds: Self.frameNanoseconds)
        // After a long stop there is no catching up.
        if now > nextFrame {
            end = end.advanced(byNanoseconds: now.nanoseconds(since: nextFrame))
            nextFrame = now.advanced(byNanoseconds: Self.frameNanoseconds)
        }
        guard now < end, !isIdle, driver.isOpen else { return }
        guard driver.pendingSendBytes <= Self.pendingBytesMax else {
            dropped += 1
            return
        }
        var frame = [UInt8](repeating: UInt8(truncatingIfNeeded: sent), count: Self.frameBytes)
        frame.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: number, toByteOffset: 0, as: UInt32.self)
            bytes.storeBytes(of: sent, toByteOffset: 4, as: UInt32.self)
            bytes.storeBytes(of: now.nanoseconds, toByteOffset: 8, as: UInt64.self)
        }
        if (try? driver.sendBinary(frame)) != nil { sent += 1 }
        pendingBytesPeak = max(pendingBytesPeak, driver.pendingSendBytes)
    }

    /// An echo must be the next frame of this very connection, whole.
    private mutating func listen(_ bytes: [UInt8], now: MonotonicTime) {
        guard !isIdle else { return }
        guard bytes.count == Self.frameBytes || bytes.count == Self.headBytes else {
            wrong += 1
            return
        }
        let (connection, sequence, time) = bytes.withUnsafeBytes {
            (
                $0.loadUnaligned(fromByteOffset: 0, as: UInt32.self),
                $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        let isWhole = bytes[Self.headBytes...].allSatisfy { $0 == UInt8(truncatingIfNeeded: sequence) }
        if connection != number || sequence != echoed || !isWhole { wrong += 1 }
        echoed = sequence &+ 1
        oldestEchoNanoseconds = max(
            oldestEchoNanoseconds, now.nanoseconds(since: MonotonicTime(nanoseconds: time)))
    }

    private mutating func hear(after before: MonotonicTime, now: MonotonicTime) {
        let count = driver.metrics.bytesReceived
        guard count != bytesReceived else { return }
        bytesReceived = count
        longestSilenceNanoseconds = max(longestSilenceNanoseconds, now.nanoseconds(since: lastHeard))
        lastHeardAfter = before
        lastHeard = now
        stalledAtLastHeard = stalls.stalledNanoseconds()
    }

    private mutating func finish(_ closure: WebSocketClosure) -> Bool {
        let now = monotonicNow()
        let silence = now.nanoseconds(since: lastHeard)
        let stalled = stalls.stalledNanoseconds() - stalledAtLastHeard
        report(
            "closed", name(closure.cause), String(closure.code), milliseconds(silence), String(sent), String(echoed),
            String(dropped), String(wrong), milliseconds(oldestEchoNanoseconds), String(pendingBytesPeak),
            milliseconds(longestSilenceNanoseconds), milliseconds(now.nanoseconds(since: lastHeardAfter)),
            milliseconds(stalled))
        return hasClosed
    }
}

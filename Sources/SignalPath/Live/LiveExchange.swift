import VoicePlayout
import VoiceRealtime
import VoiceRelay
import VoiceSignal

// What goes to the converter and what comes back from it.

extension LivePath {
    /// When the converter may get its next sound.
    public enum Departure: Sendable, Equatable {
        /// So many samples, now.
        case now(samples: Int)
        /// Enough is there, but the rate ceiling has it wait.
        case at(MonotonicTime)
        /// When the microphone has more, or the converter has answered.
        case later
    }

    /// What may go out at `now`. Drops what has become too old.
    public mutating func departure(now: MonotonicTime) -> Departure {
        guard let backend, !isIdle, !(source == .ownVoice && isBypassed) else { return .later }
        let packet = settings.packet?.samples
        let age = samples(ageMaxNanoseconds)
        if nanoseconds(backend.sent - backend.received) > settings.outstandingMaxNanoseconds {
            uplink.dropOld(beyond: age, keeping: packet ?? 0)
            counts.droppedOld = uplink.droppedOld
            return .later
        }
        uplink.dropOld(beyond: age, keeping: packet ?? 0)
        counts.droppedOld = uplink.droppedOld
        let waiting = uplink.end - uplink.sendPosition
        let count = min(packet ?? waiting, packet == nil ? portion : scratch.count)
        guard count > 0, waiting >= count else { return .later }
        if backend.isPaced {
            let bytes = count * RelayProtocol.bytesPerSample
            guard let earliest = ceiling.earliestDeparture(of: bytes, now: now) else { return .later }
            if earliest > now { return .at(earliest) }
        }
        return .now(samples: count)
    }

    /// Hands over the samples that `departure` announced; they are sent when `send` returns.
    ///
    /// - Parameter clock: the time after the send, for the ceiling.
    public mutating func depart<Failure: Error>(
        samples count: Int, clock: () -> MonotonicTime,
        send: (UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        guard let backend, let base = scratch.baseAddress, count <= scratch.count else { return }
        let position = uplink.take(count, into: base)
        sentToMic.note(backend.sent, is: position)
        try send(UnsafeBufferPointer(start: base, count: count))
        let left = clock()
        answers.sent(now: left)
        if backend.isPaced { ceiling.depart(count * RelayProtocol.bytesPerSample, now: left) }
        self.backend?.sent += count
        counts.sent += count
        lastSent = count
    }

    /// Takes what the converter answers.
    public mutating func receive(_ answer: UnsafeBufferPointer<Float>, now: MonotonicTime) {
        guard let base = answer.baseAddress, backend != nil else { return }
        var done = 0
        answers.answered()
        counts.received += answer.count
        while done < answer.count, let backend {
            let count = min(answer.count - done, portion)
            self.backend?.received += count
            // Its first samples are from before the session: nothing.
            let position = backend.received - backend.delaySamples
            deliver(base + done, count, position, now)
            done += count
        }
    }

    /// Looks whether the converter answers. While it does not there is silence, or the own voice; with the first answer to
    /// what is being said then, it is heard again. To be called some times a second.
    ///
    /// - Returns: Whether it does not.
    public mutating func watchAnswers(ownVoice: Bool, now: MonotonicTime) -> Bool {
        guard let backend, !isIdle, !(source == .ownVoice && isBypassed) else {
            // It is asked for nothing.
            answers = AnswerWatch()
            return false
        }
        if answers.stalls(owed: nanoseconds(backend.sent - backend.received), now: now) {
            if !(ownVoice || isBypassed) {
                endOwnVoice()
            } else if source != .ownVoice {
                beginOwnVoice()
            }
        }
        return answers.isStalled
    }

    /// Mixes a part of the answer, which begins at `position` of what was sent, with the own voice, and passes it on.
    private mutating func deliver(
        _ answer: UnsafePointer<Float>, _ count: Int, _ position: Int, _ now: MonotonicTime
    ) {
        // In own voice that was asked for nothing was sent; what still comes is from before.
        if source == .ownVoice, isBypassed { return }
        let early = min(count, max(0, 0 - position))
        var first = early
        guard early < count, let mic = sentToMic.other(of: position + early) else { return }
        let age = nanoseconds(uplink.end - mic - (count - early))
        guard freshness.isFresh(age: age, now: Int64(bitPattern: now.nanoseconds)) else {
            counts.droppedStale += count - early
            return
        }
        answers.caughtUp()
        if source != .converted {
            fadeFrom = nil
            source = .converted
            downlink.restart()
        }
        // What the own voice has said already is not said again.
        first += max(0, deliveredMic - mic)
        guard first < count else {
            counts.repeated += count - early
            return
        }
        counts.repeated += first - early
        let start = mic + first - early
        for index in first..<count {
            scratch[index - first] = answer[index]
        }
        mixOwnVoice(from: start, count: count - first)
        pass(count - first, from: start, now)
    }

    private mutating func mixOwnVoice(from mic: Int, count: Int) {
        guard ownShare.current > 0 || ownShare.target > 0 else { return }
        let own = UnsafeMutableBufferPointer(rebasing: ownScratch[..<count])
        for index in 0..<count {
            let position = mic + index
            let isThere = position >= uplink.history.start && position < uplink.history.end
            own[index] = isThere ? uplink.history.sample(position) : 0
        }
        ownGate.apply(to: own)
        for index in 0..<count { scratch[index] += (own[index] - scratch[index]) * ownShare.step() }
    }

    /// Passes on the own voice up to the newest sample, without the converter.
    mutating func deliverOwnVoice(_ now: MonotonicTime) {
        while deliveredMic < uplink.end, let base = scratch.baseAddress {
            let start = max(deliveredMic, uplink.history.start)
            let count = min(uplink.end - start, portion)
            uplink.history.copy(from: start, count: count, to: base)
            if let from = fadeFrom {
                let fade = min(count, settings.streamRate / 100)
                for index in 0..<fade where from + index >= uplink.history.start && from + index < start {
                    let share = Float(fade - index) / Float(fade + 1)
                    base[index] += (uplink.history.sample(from + index) - base[index]) * share
                }
                fadeFrom = nil
            }
            ownGate.apply(to: UnsafeMutableBufferPointer(rebasing: scratch[..<count]))
            pass(count, from: start, now)
        }
    }

    private mutating func pass(_ count: Int, from mic: Int, _ now: MonotonicTime) {
        // Sound that was too old to be sent, or stale, is missing here: the clocks know of it.
        if mic != deliveredMic, deliveredMic > 0 { downlink.gap(mic - deliveredMic) }
        queueToMic.note(queued, is: mic)
        queued += count
        deliveredMic = mic + count
        downlink.push(UnsafeBufferPointer(rebasing: scratch[..<count]), arrival: now)
        counts.delivered += count
    }
}

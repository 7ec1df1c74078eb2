// What a jitter buffer decides once a pull, and how it plays.

extension JitterBuffer {
    /// Sound between two splices: closer ones can be heard.
    private static var spliceEveryMilliseconds: Int { 60 }

    @_noLocks @_noAllocation
    mutating func decide(pulling count: Int) {
        let late = samplesIn(settings.lateNanoseconds)
        let wanted = samplesIn(target.nanoseconds)
        if level > wanted &+ late {
            dropLate(keeping: wanted)
        }
        guard case .playing = state, let error = delayError else { return }
        let seconds = Double(count) / Double(settings.rate)
        if level >= count, let smooth = smoothError { _ = loop.update(error: smooth * 1e-9, seconds: seconds) }
        guard fadeLeft == 0, sinceSplice >= settings.rate * Self.spliceEveryMilliseconds / 1_000 else { return }
        if error > settings.spliceNanoseconds {
            accelerate(atMost: samplesIn(error), pulling: count)
        } else if error < 0 &- settings.spliceNanoseconds {
            expand()
        }
    }

    /// Skips what is older than `samples` before the newest, with a fade from what would have gone on.
    @_noLocks @_noAllocation
    mutating func dropLate(keeping samples: Int) {
        let skipped = level &- samples
        guard skipped > 0 else { return }
        if case .playing = state, counts.pulled > 0 { fadeFromConcealment() }
        head &+= skipped
        counts.droppedLate &+= skipped
        loop.hold()
    }

    /// Cuts up to `limit` samples out, where the sound repeats itself.
    @_noLocks @_noAllocation
    private mutating func accelerate(atMost limit: Int, pulling count: Int) {
        let shortest = settings.rate / 400
        // What follows the cut must be there for this pull.
        let room = level &- max(count, fadeFrames) &- search.templateCount
        let longest = min(min(limit, settings.rate * 15 / 1_000), room)
        guard longest > shortest else { return }
        queue.copy(from: head, count: search.templateCount, to: search.template)
        let candidates = longest &- shortest
        queue.copy(from: head &+ shortest, count: search.templateCount &+ candidates, to: search.area)
        let cut = shortest &+ search.best(of: candidates)
        fadeSource = .stream(head)
        fadeLeft = fadeFrames
        head &+= cut
        counts.removed &+= cut
        sinceSplice = 0
        loop.hold()
    }

    /// Plays up to 15 ms once more, where the sound repeats itself.
    @_noLocks @_noAllocation
    private mutating func expand() {
        let shortest = settings.rate / 400
        let longest = settings.rate * 15 / 1_000
        guard level >= max(fadeFrames, search.templateCount), head &- longest >= queue.start else { return }
        queue.copy(from: head, count: search.templateCount, to: search.template)
        // Candidate k lies longest - k back.
        let candidates = longest &- shortest
        queue.copy(from: head &- longest, count: search.templateCount &+ candidates, to: search.area)
        let back = longest &- search.best(of: candidates)
        fadeSource = .stream(head)
        fadeLeft = fadeFrames
        head &-= back
        counts.inserted &+= back
        sinceSplice = 0
        loop.hold()
    }

    @_noLocks @_noAllocation
    private mutating func fadeFromConcealment() {
        concealment.begin(after: played, search: search)
        fadeSource = .concealment
        fadeLeft = fadeFrames
    }

    /// Renders at least one sample and returns how many.
    @_noLocks @_noAllocation
    mutating func render(_ output: UnsafeMutablePointer<Float>, atMost count: Int) -> Int {
        switch state {
        case .waiting, .concealing:
            let pause = samplesBeforeResuming(atMost: count)
            if pause == 0 {
                resume()
                return 0
            }
            return fillGap(output, pause)
        case .playing:
            guard level > 0 else {
                runDry()
                return 0
            }
            return play(output, min(count, level))
        }
    }

    /// How many samples are still to be bridged, at most `count`; 0 when the stream can go on now.
    @_noLocks @_noAllocation
    private func samplesBeforeResuming(atMost count: Int) -> Int {
        guard level > 0, let error = delayError else { return count }
        if settings.scale.watchesSpare {
            // At once as deep as it shall be: one gap, not one with each block until the clocks' loop has made up for it.
            return level >= max(count, samplesIn(target.nanoseconds &- arrivals.lastFrame)) ? 0 : count
        }
        if case .concealing = state, !concealment.isSilent, level >= min(fadeFrames, count) { return 0 }
        // In silence there is time to gather what the delay shall be; its end lies within this pull, perhaps.
        return error >= 0 ? 0 : min(count, samplesIn(0 &- error) &+ 1)
    }

    @_noLocks @_noAllocation
    private mutating func resume() {
        // Fades in from what conceals; from silence as well.
        fadeSource = .concealment
        fadeLeft = fadeFrames
        state = .playing
        loop.hold()
    }

    @_noLocks @_noAllocation
    private mutating func runDry() {
        if isPausedNow {
            // A pause of the stream ends in a fade, too, and counts as silence.
            concealment.begin(after: played, search: search)
            state = .waiting
            return
        }
        concealment.begin(after: played, search: search)
        counts.concealments &+= 1
        gapSamples = 0
        state = .concealing
        loop.hold()
    }

    @_noLocks @_noAllocation
    private mutating func fillGap(_ output: UnsafeMutablePointer<Float>, _ count: Int) -> Int {
        let isConcealing = if case .concealing = state, !concealment.isSilent { true } else { false }
        for index in 0..<count {
            output[index] = counts.played == 0 ? 0 : concealment.next()
            played.append(output[index])
        }
        if case .concealing = state, level == 0 { gapSamples &+= count }
        if isConcealing { counts.concealed &+= count } else { counts.silent &+= count }
        return count
    }

    @_noLocks @_noAllocation
    private mutating func play(_ output: UnsafeMutablePointer<Float>, _ count: Int) -> Int {
        for index in 0..<count {
            var sample = queue.sample(head)
            head &+= 1
            if fadeLeft > 0 {
                let share = Float(fadeLeft) / Float(fadeFrames &+ 1)
                sample += (fadingSample() - sample) * share
                fadeLeft &-= 1
            }
            output[index] = sample
            played.append(sample)
        }
        counts.played &+= count
        return count
    }

    /// The next sample of what is faded out.
    @_noLocks @_noAllocation
    private mutating func fadingSample() -> Float {
        switch fadeSource {
        case .stream(let position):
            fadeSource = .stream(position &+ 1)
            return position < queue.end ? queue.sample(position) : 0
        case .concealment:
            return counts.played == 0 ? 0 : concealment.next()
        }
    }
}

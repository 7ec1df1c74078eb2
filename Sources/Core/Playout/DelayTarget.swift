/// How deep the jitter buffer shall be: what the arrivals need plus a margin; up at once, down in steps when calm.
struct DelayTarget {
    private static var calmNanoseconds: Int64 { 2_000_000_000 }
    private static var stepNanoseconds: Int64 { 500_000_000 }

    private let settings: JitterBuffer.Settings
    private(set) var nanoseconds: Int64
    /// The deepest that is allowed.
    var depthMaxNanoseconds: Int64
    /// Since when less than the present target would do.
    private var calmSince: Int64?
    private var lastStep: Int64 = 0

    init(_ settings: JitterBuffer.Settings) {
        self.settings = settings
        nanoseconds = settings.startNanoseconds
        depthMaxNanoseconds = settings.depthMaxNanoseconds
    }

    /// - Parameters:
    ///   - needed: what the arrivals and the puller need.
    ///   - now: time of the pull.
    @_noLocks @_noAllocation
    mutating func update(needed: Int64, now: Int64) {
        let wanted = min(
            max(needed &+ settings.marginNanoseconds, settings.depthMinNanoseconds), depthMaxNanoseconds)
        if wanted >= nanoseconds {
            nanoseconds = wanted
            calmSince = nil
            return
        }
        guard nanoseconds &- wanted >= settings.shrinkNanoseconds else {
            calmSince = nil
            return
        }
        guard let since = calmSince else {
            calmSince = now
            return
        }
        guard now &- since >= Self.calmNanoseconds, now &- lastStep >= Self.stepNanoseconds else { return }
        lastStep = now
        nanoseconds = max(wanted, nanoseconds &- max(settings.shrinkNanoseconds, (nanoseconds &- wanted) / 4))
    }
}

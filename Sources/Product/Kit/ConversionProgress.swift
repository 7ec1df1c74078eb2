import Synchronization

/// How far a conversion is; written by its thread, read from any.
public final class ConversionProgress: Sendable {
    private let converted = Atomic<Int>(0)
    private let total = Atomic<Int>(0)

    public init() {}

    /// Samples (16 kHz) that came back, and samples that will.
    public var samples: (converted: Int, total: Int) {
        (converted.load(ordering: .relaxed), total.load(ordering: .relaxed))
    }

    func start(total count: Int) {
        total.store(count, ordering: .relaxed)
    }

    func update(converted count: Int) {
        converted.store(count, ordering: .relaxed)
    }
}

import Synchronization

// A ring between exactly two threads, without locks.
//
// The proof, short enough to check:
//
// 1. Two counters only grow: `written` elements have been put in, `read` taken out, both 64-bit counts that no run
//    time can wrap. Element number n lies in slot n mod capacity; the capacity is a power of two.
// 2. Only the producer stores `written` and only the consumer stores `read`: there is one `RingProducer` and one
//    `RingConsumer`, both move-only, so a second one of a kind can't be written down, and their methods that change
//    anything are `mutating`, so one end can't be used by two threads at a time.
// 3. Always read <= written <= read + capacity. The producer adds at most capacity - (written - read') elements, where
//    read' is a value of `read` it has seen; the true `read` is at least read', so there is at least that much room.
//    The consumer takes at most written' - read elements, with written' likewise.
// 4. Slots are never touched by both. The producer writes the slots of numbers written..<written + n, and by 3 these
//    lie before read' + capacity, so their former numbers lie before read', taken out. The consumer reads
//    read..<read + n, before written'.
// 5. What was written is seen. The producer fills slots, then stores `written` with release order; the consumer loads
//    it with acquire order before it reads them. Conversely the consumer copies elements out, then stores `read` with
//    release; the producer loads it with acquire before it overwrites them. So each access of a slot happens before
//    the other side's next one.
// 6. Each end keeps its own counter and the last seen value of the other in itself and loads the other's counter only
//    when the seen value is not enough: most calls touch no cache line that the other thread writes, but the slots.
//    The two counters lie 128 bytes apart, two lines of x86-64 (whose prefetcher takes lines in pairs), one of Apple's.
// 7. The storage has one owner per end. An end that is destroyed says so with acquire-release order; the second one
//    to do so sees everything the first did before, and frees.
//
// Elements are `BitwiseCopyable`: nothing to retain, release or destroy in a slot.

/// Makes a ring for at least `capacityMin` elements and returns its two ends.
///
/// The capacity is the next power of two. This allocates; nothing later does. The ends may move to other threads; the
/// storage is freed when both are gone.
/// - Parameter capacityMin: 1...2^30; values outside are clamped.
public func makeRing<Element: BitwiseCopyable>(
    of type: Element.Type, capacityMin: Int
) -> RingEnds<Element> {
    let storage = RingStorage<Element>(capacityMin: capacityMin)
    return RingEnds(producer: RingProducer(storage), consumer: RingConsumer(storage))
}

/// Both ends of a new ring, to be handed to their threads.
@frozen
public struct RingEnds<Element: BitwiseCopyable>: ~Copyable {
    public var producer: RingProducer<Element>
    public var consumer: RingConsumer<Element>
}

/// The writing end of a ring.
///
/// Threads: owned by one thread at a time, may move between threads. Every method is wait-free and fit for audio
/// threads: no lock, no allocation, no system call. The last end to be destroyed frees memory: not on audio threads.
public struct RingProducer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline let storage: RingStorage<Element>
    @usableFromInline var written = 0
    @usableFromInline var readSeen = 0

    fileprivate init(_ storage: RingStorage<Element>) {
        self.storage = storage
    }

    deinit {
        storage.leave()
    }

    /// Elements that the ring can hold.
    @inlinable public var capacity: Int { storage.mask + 1 }

    /// True once the consumer is destroyed: nobody will read what is written.
    @inlinable public var isConsumerGone: Bool { storage.endsLeft.pointee.load(ordering: .acquiring) < 2 }

    /// Elements that can be written now; only the consumer can change this, and only upwards.
    @inlinable
    public mutating func writableCount() -> Int {
        readSeen = storage.read.pointee.load(ordering: .acquiring)
        return capacity &- (written &- readSeen)
    }

    /// Writes as many elements as there is room for, oldest first, and returns how many.
    @inlinable
    public mutating func write(_ elements: UnsafeBufferPointer<Element>) -> Int {
        guard let source = elements.baseAddress else { return 0 }
        var room = capacity &- (written &- readSeen)
        if room < elements.count { room = writableCount() }
        let count = min(elements.count, room)
        guard count > 0 else { return 0 }
        let index = written & storage.mask
        let first = min(count, capacity &- index)
        storage.copy(from: source, to: storage.slots + index, count: first)
        storage.copy(from: source + first, to: storage.slots, count: count &- first)
        written &+= count
        storage.written.pointee.store(written, ordering: .releasing)
        return count
    }

    /// Writes one element; false when the ring is full.
    @inlinable
    public mutating func write(_ element: Element) -> Bool {
        if written &- readSeen == capacity, writableCount() == 0 { return false }
        storage.slots[written & storage.mask] = element
        written &+= 1
        storage.written.pointee.store(written, ordering: .releasing)
        return true
    }
}

/// The reading end of a ring.
///
/// Threads: as `RingProducer`.
public struct RingConsumer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline let storage: RingStorage<Element>
    @usableFromInline var read = 0
    @usableFromInline var writtenSeen = 0

    fileprivate init(_ storage: RingStorage<Element>) {
        self.storage = storage
    }

    deinit {
        storage.leave()
    }

    /// Elements that the ring can hold.
    @inlinable public var capacity: Int { storage.mask + 1 }

    /// True once the producer is destroyed: what is in the ring now is all that will come.
    ///
    /// Ask before counting the rest: what was written before it left is visible after this has returned true.
    @inlinable public var isProducerGone: Bool { storage.endsLeft.pointee.load(ordering: .acquiring) < 2 }

    /// Elements that can be read now; only the producer can change this, and only upwards.
    @inlinable
    public mutating func readableCount() -> Int {
        writtenSeen = storage.written.pointee.load(ordering: .acquiring)
        return writtenSeen &- read
    }

    /// Reads as many elements as there are and fit, oldest first, and returns how many.
    @inlinable
    public mutating func read(into elements: UnsafeMutableBufferPointer<Element>) -> Int {
        guard let target = elements.baseAddress else { return 0 }
        var ready = writtenSeen &- read
        if ready < elements.count { ready = readableCount() }
        let count = min(elements.count, ready)
        guard count > 0 else { return 0 }
        let index = read & storage.mask
        let first = min(count, capacity &- index)
        storage.copy(from: storage.slots + index, to: target, count: first)
        storage.copy(from: storage.slots, to: target + first, count: count &- first)
        read &+= count
        storage.read.pointee.store(read, ordering: .releasing)
        return count
    }

    /// Reads one element; nil when the ring is empty.
    @inlinable
    public mutating func readElement() -> Element? {
        if writtenSeen == read, readableCount() == 0 { return nil }
        let element = storage.slots[read & storage.mask]
        read &+= 1
        storage.read.pointee.store(read, ordering: .releasing)
        return element
    }

    /// Drops up to `count` of the oldest elements unread and returns how many.
    @inlinable
    public mutating func discard(_ count: Int) -> Int {
        let dropped = min(max(0, count), readableCount())
        guard dropped > 0 else { return 0 }
        read &+= dropped
        storage.read.pointee.store(read, ordering: .releasing)
        return dropped
    }
}

// The ring of samples. Generic code can't carry the compiler's promises, its concrete uses can: these are the entries
// that audio threads call, and building them checks what they reach.

extension RingProducer where Element == Float {
    /// Samples that can be written now; only the consumer can change this, and only upwards.
    @_noLocks @_noAllocation
    public mutating func writableSamples() -> Int {
        writableCount()
    }

    /// Writes as many samples as there is room for, oldest first, and returns how many.
    @_noLocks @_noAllocation
    public mutating func writeSamples(_ samples: UnsafeBufferPointer<Float>) -> Int {
        write(samples)
    }
}

extension RingConsumer where Element == Float {
    /// Samples that can be read now; only the producer can change this, and only upwards.
    @_noLocks @_noAllocation
    public mutating func readableSamples() -> Int {
        readableCount()
    }

    /// Reads as many samples as there are and fit, oldest first, and returns how many.
    @_noLocks @_noAllocation
    public mutating func readSamples(into samples: UnsafeMutableBufferPointer<Float>) -> Int {
        read(into: samples)
    }

    /// Drops up to `count` of the oldest samples unread and returns how many.
    @_noLocks @_noAllocation
    public mutating func discardSamples(_ count: Int) -> Int {
        discard(count)
    }
}

/// The memory that the two ends share: three counters, each on lines of its own, and the slots.
@usableFromInline
struct RingStorage<Element: BitwiseCopyable> {
    @usableFromInline let written: UnsafeMutablePointer<Atomic<Int>>
    @usableFromInline let read: UnsafeMutablePointer<Atomic<Int>>
    @usableFromInline let endsLeft: UnsafeMutablePointer<Atomic<Int>>
    @usableFromInline let slots: UnsafeMutablePointer<Element>
    @usableFromInline let mask: Int
    private let memory: UnsafeMutableRawPointer

    fileprivate init(capacityMin: Int) {
        let bounded = min(max(1, capacityMin), 1 << 30)
        let capacity = 1 << (Int.bitWidth - (bounded - 1).leadingZeroBitCount)
        mask = capacity - 1
        let line = max(128, MemoryLayout<Element>.alignment)
        memory = .allocate(byteCount: 3 * line + capacity * MemoryLayout<Element>.stride, alignment: line)
        written = Self.counter(at: memory, value: 0)
        read = Self.counter(at: memory + line, value: 0)
        endsLeft = Self.counter(at: memory + 2 * line, value: 2)
        // Every page is touched here, not by the first lap of the audio thread.
        (memory + 3 * line).initializeMemory(
            as: UInt8.self, repeating: 0, count: capacity * MemoryLayout<Element>.stride)
        slots = (memory + 3 * line).bindMemory(to: Element.self, capacity: capacity)
    }

    private static func counter(at place: UnsafeMutableRawPointer, value: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        let counter = place.bindMemory(to: Atomic<Int>.self, capacity: 1)
        counter.initialize(to: Atomic(value))
        return counter
    }

    @inlinable
    func copy(from source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Element>, count: Int) {
        UnsafeMutableRawPointer(target)
            .copyMemory(from: source, byteCount: count &* MemoryLayout<Element>.stride)
    }

    /// One end is gone; the second one to say so frees.
    fileprivate func leave() {
        if endsLeft.pointee.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            memory.deallocate()
        }
    }
}

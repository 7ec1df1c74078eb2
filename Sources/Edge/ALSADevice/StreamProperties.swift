import Glibc
import Synchronization

/// Properties for one stream of PipeWire: its ALSA plugin takes them from the environment alone, while it is opened.
enum StreamProperties {
    private static let variable = "PIPEWIRE_ALSA"
    private static let turn = Mutex(())

    /// Opens with `properties` besides those that the user has set; one such opening at a time.
    ///
    /// Nothing is ever taken out of the environment, and one variable put into it once, so that other threads may read
    /// it meanwhile.
    static func using(_ properties: String?, _ open: () -> Int32) -> Int32 {
        guard let properties else { return open() }
        return turn.withLock { _ in
            let before = getenv(variable).map { String(cString: $0) } ?? ""
            setenv(variable, merged(before, properties), 1)
            defer { setenv(variable, before, 1) }
            return open()
        }
    }

    /// `{ a=b }` or `a=b`, and what is added, which counts more.
    static func merged(_ given: String, _ added: String) -> String {
        var inner = given[...]
        while let last = inner.last, last.isWhitespace { inner.removeLast() }
        while let first = inner.first, first.isWhitespace { inner.removeFirst() }
        if inner.first == "{", inner.last == "}" { inner = inner.dropFirst().dropLast() }
        return "{ \(inner) \(added) }"
    }
}

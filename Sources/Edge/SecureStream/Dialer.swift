import Glibc
import VoiceRealtime

/// Connects one TCP socket to a host by happy eyeballs (RFC 8305), within a time.
struct Dialer: ~Copyable {
    private let peer: String
    private let waiter: Waiter
    private var race = AddressRace<SocketAddress>()
    private var lookups: [(family: AddressFamily, lookup: NameLookup)] = []
    private var attempts: [Int32] = []
    private var connected: Int32 = -1
    /// The failure to report when nothing connects: the one that tells the most.
    private var failure: StreamError.Cause?

    private init(peer: String, waiter: Waiter) {
        self.peer = peer
        self.waiter = waiter
    }

    deinit {
        for descriptor in attempts { close(descriptor) }
    }

    /// Resolves and connects. Returns a connected, non-blocking descriptor that the caller owns.
    static func dial(
        host: String, port: Int, peer: String, resolver: NameResolver, waiter: Waiter, until time: MonotonicTime
    ) throws(StreamError) -> Int32 {
        guard isValidHost(host), (1...65535).contains(port) else { throw StreamError(.badAddress, peer: peer) }
        var dialer = Dialer(peer: peer, waiter: waiter)
        try dialer.resolve(host: host, port: port, resolver: resolver)
        return try dialer.run(until: time)
    }

    private mutating func resolve(host: String, port: Int, resolver: NameResolver) throws(StreamError) {
        let now = monotonicNow()
        let isLiteral = addressBytes(host) != nil
        if isLiteral || isLoopbackName(host) {
            for (family, loopback) in [(AddressFamily.six, "::1"), (.four, "127.0.0.1")] {
                let answer = NameResolver.literal(isLiteral ? host : loopback, port: port, family: family)
                take(answer, family: family, now: now)
            }
            return
        }
        for family in [AddressFamily.six, .four] {
            guard let lookup = NameLookup.start(host: host, port: port, family: family, resolver: resolver) else {
                throw StreamError(.resolverFailed, peer: peer)
            }
            lookups.append((family, lookup))
        }
    }

    private mutating func take(
        _ answer: NameAnswer, family: AddressFamily, now: MonotonicTime
    ) {
        switch answer {
        case .addresses(let addresses):
            race.answer(family, addresses, now: now)
        case .failure(let code):
            note(code == EAI_AGAIN || code == EAI_FAIL || code == EAI_SYSTEM ? .resolverFailed : .nameNotFound)
            race.answer(family, [], now: now)
        }
    }

    private mutating func run(until time: MonotonicTime) throws(StreamError) -> Int32 {
        while true {
            var wakeUp = time
            starting: while connected < 0 {
                let now = monotonicNow()
                switch race.next(now: now) {
                case .start(let address):
                    start(address, now: now)
                case .wait(let until):
                    wakeUp = min(wakeUp, until)
                    break starting
                case .waitForAnswer:
                    break starting
                case .exhausted:
                    guard !attempts.isEmpty else { throw StreamError(failure ?? .unreachable, peer: peer) }
                    break starting
                }
            }
            if connected >= 0 { return connected }
            try waitForEvents(until: wakeUp, limit: time)
        }
    }

    private mutating func start(_ address: SocketAddress, now: MonotonicTime) {
        let descriptor = Socket.open(family: address.family)
        guard descriptor >= 0 else {
            fail(errno, now: now)
            return
        }
        let code = address.withPointer { connect(descriptor, $0, $1) }
        if code == 0 {
            settle(descriptor, now: now)
        } else if errno == EINPROGRESS || errno == EINTR {
            attempts.append(descriptor)
        } else {
            fail(errno, now: now)
            close(descriptor)
        }
    }

    /// Takes a connected socket as the winner.
    private mutating func settle(_ descriptor: Int32, now: MonotonicTime) {
        if Socket.isSelfConnected(descriptor) {
            close(descriptor)
            fail(ECONNREFUSED, now: now)
        } else {
            connected = descriptor
        }
    }

    private mutating func waitForEvents(until wakeUp: MonotonicTime, limit: MonotonicTime) throws(StreamError) {
        var descriptors = attempts.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        descriptors += lookups.map { pollfd(fd: $0.lookup.descriptor, events: Int16(POLLIN), revents: 0) }
        switch waiter.wait(&descriptors, until: wakeUp) {
        case .cancelled:
            throw StreamError(.cancelled, peer: peer)
        case .timedOut:
            let end = min(limit, waiter.deadline)
            guard end <= monotonicNow() else { return }
            throw StreamError(.timedOut(attempts.isEmpty && !lookups.isEmpty ? .resolve : .connect), peer: peer)
        case .ready:
            let now = monotonicNow()
            for entry in descriptors where entry.revents != 0 && entry.events == Int16(POLLOUT) && connected < 0 {
                attempts.removeAll { $0 == entry.fd }
                let code = Socket.pendingError(entry.fd)
                if code == 0 {
                    settle(entry.fd, now: now)
                } else {
                    close(entry.fd)
                    fail(code, now: now)
                }
            }
            takeAnswers(now: now)
        }
    }

    private mutating func takeAnswers(now: MonotonicTime) {
        for index in lookups.indices.reversed() {
            guard let answer = lookups[index].lookup.current else { continue }
            let family = lookups.remove(at: index).family
            take(answer, family: family, now: now)
        }
    }

    private mutating func fail(_ code: Int32, now: MonotonicTime) {
        let cause = StreamError.cause(errno: code)
        note(cause == .timedOut(.transfer) ? .timedOut(.connect) : cause)
        race.attemptFailed(now: now)
    }

    /// Keeps the failure of the attempt that came furthest.
    private mutating func note(_ cause: StreamError.Cause) {
        func rank(_ cause: StreamError.Cause?) -> Int {
            switch cause {
            case nil: 0
            case .nameNotFound: 1
            case .resolverFailed: 2
            case .unreachable: 3
            case .refused: 5
            case .reset: 6
            default: 4
            }
        }
        if rank(cause) > rank(failure) { failure = cause }
    }
}

import Testing
import VoiceServer

/// Signing keys over months, by a clock that is an argument.
@Suite struct KeyRotationTests {
    private let start = WallTime(milliseconds: 1_800_000_000_000)

    @Test func noTokenOutlivesTheKeyThatSignedIt() throws {
        var schedule = SigningKeySchedule([])
        var lastShown: [String: WallTime] = [:]
        var firstShown: [String: WallTime] = [:]
        var signed: [(kid: String, at: WallTime)] = []
        for hour in 0..<(100 * 24) {
            let now = start.adding(seconds: Int64(hour) * 3_600)
            if schedule.needsKey(now: now) { schedule.add(try SigningKey.make(now: now)) }
            schedule.dropExpired(now: now)
            for key in schedule.keys {
                lastShown[key.kid] = now
                if firstShown[key.kid] == nil { firstShown[key.kid] = now }
            }
            let signer = try #require(schedule.signer(now: now))
            #expect(schedule.keys.contains(signer))
            signed.append((signer.kid, now))
        }
        #expect(Set(signed.map(\.kid)).count == 4, "one key in thirty days")
        for (kid, at) in signed.dropLast(48) {
            // An id_token lives an hour; a client may keep the key set an hour longer.
            #expect(try #require(lastShown[kid]) >= at.adding(seconds: 2 * 3_600))
            // And every client had the time to see the key before it signed, but for the very first.
            let shown = try #require(firstShown[kid])
            #expect(shown == start || at >= shown.adding(seconds: SigningKeySchedule.leadSeconds))
        }
    }

    @Test func aServerThatSleptForAYearSignsAtOnceWithANewKey() throws {
        let later = start.adding(seconds: 365 * 86_400)
        var schedule = SigningKeySchedule([try SigningKey.make(now: start)])
        #expect(schedule.needsKey(now: later))
        let new = try SigningKey.make(now: later)
        schedule.add(new)
        schedule.dropExpired(now: later)
        #expect(schedule.keys == [new])
        #expect(schedule.signer(now: later) == new)
    }

    @Test func aKeyHasItsNameForEver() throws {
        let key = try SigningKey.make(now: start)
        #expect(try SigningKey(pem: key.pem, createdAt: start.adding(seconds: 1)).kid == key.kid)
        #expect(key.kid.utf8.count == 43, "base64url of a SHA-256")
    }
}

import Testing
import VoiceServer

/// The small parts that the provider's safety stands on.
@Suite struct PartsTests {
    @Test func whatIsPutIntoMarkupIsText() {
        let name = "<b>\"Tom\" & 'Jerry'</b>\u{202E}\u{0}"
        let html: HTML = "<p title=\"\(name)\">\(name)</p>"
        let escaped = "&lt;b&gt;&quot;Tom&quot; &amp; &#39;Jerry&#39;&lt;/b&gt;  "
        #expect(html.text == "<p title=\"\(escaped)\">\(escaped)</p>")
        let outer: HTML = "<div>\([html, html])</div>"
        #expect(outer.text == "<div>\(html.text)\n\(html.text)</div>")
        let exact: HTML = "\(exact: "a\u{202E}<")"
        #expect(exact.text == "a\u{202E}&lt;")
    }

    @Test(arguments: [
        "a=1&a=2", "a=%", "a=%G1", "a=%ff", String(repeating: "a=1&", count: 40_000),
        (0..<200).map { "f\($0)=1" }.joined(separator: "&"),
    ])
    func formsThatCouldBeReadInTwoWaysAreNotRead(_ text: String) {
        #expect(FormFields.parse(text) == nil)
    }

    @Test func formsComeBackAsTheyWere() throws {
        let fields = FormFields([(name: "a b", value: "ä&=+%"), (name: "c", value: "")])
        #expect(FormFields.parse(fields.query) == fields)
        #expect(FormFields.parse("a+b=c%20d")?["a b"] == "c d")
        #expect(fields["c"] == nil, "empty counts as left out")
    }

    @Test(arguments: ["//e.example", "/\\e.example", "https://e.example", "", "x", "/a b", "/a\n", "/é", "\\"])
    func nothingLeadsToAnotherServer(_ path: String) {
        #expect(LocalPath(path) == nil)
    }

    @Test func aPathOfThisServerIsTaken() {
        #expect(LocalPath("/") != nil)
        #expect(LocalPath("/oauth/authorize?a=%2F%2Fe.example") != nil)
    }

    @Test func guessingGetsSlowAndOthersStayFree() {
        var limit = AttemptLimit()
        var now = 1_000_000
        var taken = 0
        for _ in 0..<3_600 {
            if limit.begin(account: "a", address: "1", now: now) == 0 { taken += 1 }
            now += 1
        }
        #expect(taken < 25, "\(taken) guesses in an hour")
        #expect(limit.begin(account: "a", address: "2", now: now) == 0, "the owner at another place")
        #expect(limit.begin(account: "b", address: "1", now: now) == 0, "another account")
    }

    @Test func aRightPasswordForgetsWrongOnes() {
        var limit = AttemptLimit()
        for turn in 0..<30 {
            #expect(limit.begin(account: "a", address: "1", now: turn) == 0)
            if turn % 3 == 2 { limit.succeed(account: "a", address: "1") }
        }
    }

    @Test func manyAddressesDoNotFillTheMemory() {
        var limit = AttemptLimit(entriesMax: 100)
        for number in 0..<10_000 { _ = limit.begin(account: "a\(number)", address: "\(number)", now: number) }
        #expect((1...103).contains(limit.count))
    }

    @Test func manyAtOnceDoNotSlipThrough() {
        var limit = AttemptLimit()
        let taken = (0..<1_000).filter { _ in limit.begin(account: "a", address: "1", now: 5) == 0 }.count
        #expect(taken == 5)
    }
}

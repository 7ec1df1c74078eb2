import Foundation
import Testing
import VoiceRelay

@Suite struct JSONValueTests {
    @Test(arguments: [
        "", " ", "nul", "tru", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "1.", ".5", "+1", "1e", "\"",
        "\"\\x\"",
        "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\u{1}\"", "1 2", "[1] x", "1e999", "NaN", "'a'",
    ])
    func refusesWhatIsNotJSON(text: String) {
        #expect(JSONValue(parsing: text) == nil)
    }

    @Test func readsEveryKindOfValue() {
        let text = #" { "a" : [ 1 , -2.5e3 , true , false , null , "x\u00e9\ud83d\ude00\n" ] , "b" : { } } "#
        #expect(
            JSONValue(parsing: text)
                == .object([
                    "a": .array([.number(1), .number(-2500), .bool(true), .bool(false), .null, .string("xé😀\n")]),
                    "b": .object([:]),
                ]))
    }

    @Test func nestingIsBounded() {
        let deep = String(repeating: "[", count: 17) + String(repeating: "]", count: 17)
        #expect(JSONValue(parsing: deep) == nil)
        #expect(JSONValue(parsing: String(deep.dropFirst().dropLast())) != nil)
    }

    @Test func lengthIsBounded() {
        #expect(JSONValue(parsing: "\"" + String(repeating: "a", count: 70_000) + "\"") == nil)
    }

    /// Another implementation reads what is quoted here, and the other way round.
    @Test(arguments: ["", "a\"b\\c", "tab\tnew\nreturn\r", "\u{0}\u{1F}", "é😀\u{2028}", "</script>"])
    func agreesWithFoundation(text: String) throws {
        let quoted = JSONValue.quoted(text)
        let theirs = try JSONDecoder().decode([String].self, from: Data("[\(quoted)]".utf8))
        #expect(theirs == [text])
        let encoded = String(decoding: try JSONEncoder().encode([text]), as: UTF8.self)
        #expect(JSONValue(parsing: encoded) == .array([.string(text)]))
    }

    @Test func onlyWholeNumbersAreIntegers() {
        #expect(JSONValue(parsing: "7")?.integer == 7)
        #expect(JSONValue(parsing: "7.5")?.integer == nil)
        #expect(JSONValue(parsing: "1e30")?.integer == nil)
    }
}

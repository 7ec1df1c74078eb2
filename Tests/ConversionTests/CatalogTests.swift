import Testing
import VoiceConversion

struct CatalogTests {
    @Test func there_are_at_least_twelve_voices_with_names_of_their_own() {
        let names = VoiceCatalog.all.map(\.name)
        #expect(names.count >= 12)
        #expect(Set(names).count == names.count)
        for name in ["rachel", "adam", "bella", "child", "deep", "robot", "whisper", "alien", "radio", "none"] {
            #expect(names.contains(name))
        }
        for voice in VoiceCatalog.all {
            #expect(voice.summary.hasSuffix("."))
            #expect(!voice.name.isEmpty && voice.name.allSatisfy { $0.isLowercase || $0 == "-" })
        }
    }

    @Test func names_are_found_in_any_case() {
        #expect(VoiceCatalog.voice(named: "Rachel")?.name == "rachel")
        #expect(VoiceCatalog.voice(named: "rachell") == nil)
    }

    @Test func a_wrong_name_suggests_the_nearest() {
        #expect(VoiceCatalog.nearestNames(to: "rachell").first == "rachel")
        #expect(VoiceCatalog.nearestNames(to: "ADMA").first == "adam")
        #expect(VoiceCatalog.nearestNames(to: "wisper").first == "whisper")
        #expect(VoiceCatalog.nearestNames(to: "completely different").isEmpty)
        #expect(VoiceCatalog.nearestNames(to: "anaa", own: ["anna"]).first == "anna")
    }
}

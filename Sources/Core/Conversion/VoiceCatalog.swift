/// The voices that come with the converter.
public enum VoiceCatalog {
    /// Every built-in voice, natural ones first, `none` last.
    public static let all: [Voice] = natural + ages + characters + [none]

    /// The voice called `name`, or nil. Case doesn't matter.
    public static func voice(named name: String) -> Voice? {
        let wanted = name.lowercased()
        return all.first { $0.name == wanted }
    }

    /// Names that may have been meant by `name`, nearest first: at most three, none when nothing is near.
    ///
    /// - Parameter own: Names beside the built-in ones, which come first where both are as near.
    public static func nearestNames(to name: String, own: [String] = []) -> [String] {
        let names = own + all.map(\.name)
        let wanted = Array(name.lowercased().utf8.prefix(64))
        let limit = max(2, wanted.count / 2)
        let ranked = names.enumerated().map { (distance: editDistance(wanted, Array($1.utf8)), index: $0) }
        let near = ranked.filter { $0.distance <= limit }.sorted { ($0.distance, $0.index) < ($1.distance, $1.index) }
        return near.prefix(3).map { names[$0.index] }
    }

    private static let natural = [
        person("rachel", "A calm, clear woman in her thirties.", 195, 2.6, 1190),
        person("bella", "A bright, lively young woman.", 215, 3.0, 1250),
        person("clara", "A warm, low woman's voice.", 172, 2.4, 1140),
        person("adam", "A steady man with a full voice.", 105, 2.4, 975),
        person("felix", "A light, friendly man.", 128, 2.8, 1035),
        person("oscar", "A low, slow man's voice.", 90, 2.0, 950),
        person("robin", "A voice between man and woman.", 152, 2.6, 1085),
    ]

    private static let ages = [
        person("child", "A child of about eight years.", 265, 3.0, 1440),
        aged("edith", "An old woman whose voice trembles a little.", 180, 1140),
        aged("walter", "An old man whose voice trembles a little.", 118, 985),
    ]

    private static let characters = [
        Voice(
            name: "deep", summary: "Your own voice, larger and lower.", pitch: .ratio(0.75), formants: .ratio(0.87)),
        Voice(
            name: "robot", summary: "A machine that speaks on one note.", pitch: .constant(hertz: 100),
            formants: .ratio(1)),
        Voice(
            name: "whisper", summary: "Your words without a tone.", pitch: .ratio(1), formants: .ratio(1.05),
            effects: effects { $0.whisper = 1 }),
        Voice(
            name: "alien", summary: "Someone from much further away.", pitch: .ratio(1.25), formants: .ratio(1.3),
            effects: effects {
                $0.ringHertz = 55
                $0.ringDepth = 0.7
                $0.vibratoHertz = 5.5
                $0.vibratoSemitones = 1.2
            }),
        Voice(
            name: "radio", summary: "Your own voice over a pocket radio.", pitch: .ratio(1), formants: .ratio(1),
            colour: [
                Voice.ColourPoint(hertz: 150, decibels: -40), Voice.ColourPoint(hertz: 350, decibels: 0),
                Voice.ColourPoint(hertz: 1800, decibels: 5), Voice.ColourPoint(hertz: 3000, decibels: 0),
                Voice.ColourPoint(hertz: 4200, decibels: -40),
            ],
            effects: effects { $0.drive = 0.6 }),
    ]

    private static let none = Voice(
        name: "none", summary: "Your own voice, untouched.", pitch: .ratio(1), formants: .ratio(1), isBypass: true)

    private static func person(
        _ name: String, _ summary: String, _ medianHertz: Double, _ spread: Double, _ spacingHertz: Double
    ) -> Voice {
        Voice(
            name: name, summary: summary, pitch: .landing(medianHertz: medianHertz, spreadSemitones: spread),
            formants: .landing(spacingHertz: spacingHertz))
    }

    private static func aged(
        _ name: String, _ summary: String, _ medianHertz: Double, _ spacingHertz: Double
    ) -> Voice {
        var voice = person(name, summary, medianHertz, 2.8, spacingHertz)
        voice.colour = [
            Voice.ColourPoint(hertz: 1000, decibels: 0), Voice.ColourPoint(hertz: 3500, decibels: -3),
            Voice.ColourPoint(hertz: 6500, decibels: -6),
        ]
        voice.effects.vibratoHertz = 5
        voice.effects.vibratoSemitones = 0.45
        return voice
    }

    private static func effects(_ change: (inout Voice.Effects) -> Void) -> Voice.Effects {
        var effects = Voice.Effects()
        change(&effects)
        return effects
    }

    /// Insertions, deletions and exchanges that turn one name into the other.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in 0..<right.count {
                let exchange = diagonal + (byte == right[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(exchange, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}

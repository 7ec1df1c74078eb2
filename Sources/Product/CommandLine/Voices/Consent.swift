import Foundation

/// The note about a speaker's consent, which every learned voice carries.
enum Consent {
    /// What a note that refuses begins with, in the languages that are met most.
    private static let refusals: Set<String> = [
        "no", "nope", "nah", "nay", "not", "never", "none", "nobody", "nein", "nie", "non", "nee", "nej", "nei", "não",
        "nao", "ikke", "inte", "nicht", "нет", "ні", "いいえ", "不", "否", "아니요", "不同意", "没有",
    ]
    /// What tells of a refusal wherever it stands, unless the note says that somebody agreed.
    private static let refusingWords: Set<String> = [
        "refused", "refuses", "declined", "declines", "disagreed", "disagrees", "didn't", "doesn't", "don't", "won't",
        "hasn't", "never", "nein",
    ]
    /// What turns an agreement into its contrary, as the word before it or the one before that.
    private static let negations: Set<String> = [
        "no", "not", "never", "without", "didn't", "doesn't", "don't", "won't", "hasn't", "haven't", "wouldn't",
        "cannot", "can't",
        "refused", "refuses", "declined", "declines",
    ]
    /// What agrees, and does not say who.
    private static let assents: Set<String> = [
        "yes", "yeah", "yep", "y", "ok", "okay", "sure", "fine", "agree", "agrees", "agreed", "consent", "consents",
        "consented", "ja", "oui", "sí", "si", "да", "then", "please",
    ]

    /// The note without the space around it; a sentence when it is empty, names nobody or tells of a refusal.
    static func checked(_ text: String) throws -> String {
        let note = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard note.contains(where: \.isLetter), isPlain(note) else {
            throw CommandFailure(
                status: .usage,
                sentence: "no consent, no voice: nothing was written; say who agreed and when, in one line")
        }
        let words = note.replacing("’", with: "'").split { !$0.isLetter && !$0.isNumber && $0 != "'" }.map(String.init)
        guard saysWho(words), !refuses(words, isName: beginsWithName(note, words)) else {
            throw CommandFailure(
                status: .usage,
                sentence: """
                    "\(note)" is no consent: nothing was written; a voice needs its speaker's agreement: say who agreed \
                    and when, in two words at the least
                    """)
        }
        return note
    }

    /// Whether there are two words, of which one is more than a yes. Where words aren't spaced, one may be a sentence.
    private static func saysWho(_ words: [String]) -> Bool {
        let names = words.contains { $0.contains(where: \.isLetter) && !assents.contains($0.lowercased()) }
        guard names, let first = words.first?.unicodeScalars.first else { return false }
        return words.count >= 2 || (words[0].count >= 4 && first.value >= 0x0E00)
    }

    private static func refuses(_ written: [String], isName: Bool) -> Bool {
        let words = written.map { $0.lowercased() }
        var isDenied = false
        for (index, word) in words.enumerated()
        where word.hasPrefix("agree") || word.hasPrefix("consent") || word.hasPrefix("permi") {
            guard words[max(0, index - 2)..<index].contains(where: negations.contains) else { return false }
            // A name may look like a no.
            if isName && index < 3 && !words[1..<index].contains(where: negations.contains) { return false }
            isDenied = true
        }
        if isDenied || words.last == "not" || !refusingWords.isDisjoint(with: words) { return true }
        return !isName && words.first.map(refusals.contains) == true
    }

    /// Whether two words with capitals stand at the beginning, and nothing but a space between them: "Nie Weiping".
    private static func beginsWithName(_ note: String, _ words: [String]) -> Bool {
        guard words.count >= 2, note.hasPrefix("\(words[0]) \(words[1])") else { return false }
        return words[..<2].allSatisfy { $0.first?.isUppercase == true && $0.dropFirst().allSatisfy(\.isLowercase) }
    }

    /// The consent of an option, or the answer to a question on the terminal.
    static func ask(_ option: String?) throws -> String {
        if let option { return try checked(option) }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure(
                status: .usage, sentence: "the speaker's consent is needed; say who agreed and when with --consent")
        }
        Terminal.note(
            "Did the speaker agree that this voice is made and used? Type who agreed and when, or nothing to stop:")
        return try checked(readLine() ?? "")
    }

    /// Whether a text is one line, without what could move a terminal's cursor.
    static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }
}

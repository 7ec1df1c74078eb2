/// Words that share a line as long as it has room for them.
enum TextFlow {
    private static let indent = "  "

    /// The items in lines that are no wider than `columns`, as far as each fits by itself; lines but the first are
    /// indented, and a joint that would end a line stays there without its last space.
    static func lines(_ items: [String], joint: String, columns: Int) -> [String] {
        var lines: [String] = []
        for item in items {
            if let last = lines.last, width(last) + width(joint) + width(item) <= columns {
                lines[lines.count - 1] += joint + item
            } else if let last = lines.last {
                let mark = trimmed(joint)
                if !mark.isEmpty, width(last) + width(mark) <= columns { lines[lines.count - 1] += mark }
                lines.append(indent + item)
            } else {
                lines.append(item)
            }
        }
        return lines
    }

    /// A line that is no wider than the terminal; what colours it takes no room.
    static func cut(_ line: String, _ columns: Int) -> String {
        var shown = ""
        var width = 0
        var isEscape = false
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape {
                width += 1
                if width > columns { return shown + (line.contains("\u{1B}") ? "\u{1B}[0m" : "") }
            }
            shown.append(character)
            if isEscape, character == "m" { isEscape = false }
        }
        return shown
    }

    /// Columns that a line takes.
    static func width(_ line: String) -> Int {
        var width = 0
        var isEscape = false
        for character in line {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape { width += 1 }
            if isEscape, character == "m" { isEscape = false }
        }
        return width
    }

    private static func trimmed(_ joint: String) -> String {
        String(joint.reversed().drop { $0 == " " }.reversed())
    }
}

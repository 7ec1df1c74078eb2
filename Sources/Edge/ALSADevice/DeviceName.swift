/// What ALSA's device names say.
enum DeviceName {
    /// Why a name should not be used, or nil: a card's number changes with the order in which cards are found.
    static func complaint(about name: String) -> String? {
        guard let match = name.wholeMatch(of: /(hw|plughw|sysdefault|front|dmix|dsnoop|hdmi|iec958):(\d+)(,(\d+))?.*/)
        else { return nil }
        let device = match.output.4.map { ",DEV=\($0)" } ?? ""
        return """
            \(name) counts sound cards, and their order changes; use a name such as \
            \(match.output.1):CARD=PCH\(device) (quota-voice devices lists them)
            """
    }

    /// `PCH` of `hw:CARD=PCH,DEV=0`; nil when the name has no card.
    static func card(of name: String) -> String? {
        name.firstMatch(of: /CARD=([^,'\s]+)/).map { String($0.output.1) }
    }

    /// `0` of `hw:CARD=PCH,DEV=0`; nil when the name has no device.
    static func device(of name: String) -> Int? {
        name.firstMatch(of: /DEV=(\d+)/).flatMap { Int($0.output.1) }
    }

    /// The same device behind alsa-lib's conversions of rate, format and channels.
    static func converted(_ name: String) -> String { "plug:'\(name)'" }
}

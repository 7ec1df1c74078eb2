import CSignalKernels

/// Pitch and formant ratios are added and slewed as natural logarithms.
enum NaturalLog {
    static let perSemitone = 0.693_147_180_559_945_3 / 12

    static func of(_ value: Double) -> Double { csk_log(value) }
    static func inverse(_ value: Double) -> Double { csk_exp(value) }
    static func sine(turns: Double) -> Double { csk_sin(2 * Double.pi * turns) }
}

/// `value` within `low...high`; `low` when it isn't a number.
@inline(__always)
func within(_ value: Double, _ low: Double, _ high: Double) -> Double {
    value >= low ? min(value, high) : low
}

import Foundation
import VoiceALSADevice

/// A level as a bar: `in  ━━━━━━━━━────────  -23.1 dB  CLIP 3`.
enum LiveMeter {
    private static let floorDecibels = -60.0

    static func line(
        _ name: String, _ levels: DeviceLevels, _ status: DeviceStatus?, _ columns: Int, _ hasColours: Bool
    ) -> String {
        let decibels = levels.peak > 0 ? 20 * log10(Double(levels.peak)) : -.infinity
        let width = min(60, max(5, columns - 26))
        let share = min(1, max(0, (decibels - floorDecibels) / -floorDecibels))
        let filled = share.isFinite ? Int((share * Double(width)).rounded()) : 0
        let bar = String(repeating: "━", count: filled)
        let rest = String(repeating: "─", count: width - filled)
        let colour = decibels > -1 ? 31 : decibels > -9 ? 33 : 32
        let drawn = hasColours ? "\u{1B}[\(colour)m\(bar)\u{1B}[0;2m\(rest)\u{1B}[0m" : bar + rest
        let level = decibels.isFinite ? String(format: "%6.1f dB", decibels) : "  -inf dB"
        let clipped = status?.counters.clippedSamples ?? 0
        guard clipped > 0 else { return "\(name) \(drawn) \(level)" }
        return "\(name) \(drawn) \(level)  " + (hasColours ? "\u{1B}[1;31mCLIP \(clipped)\u{1B}[0m" : "CLIP \(clipped)")
    }
}

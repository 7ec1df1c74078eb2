import Foundation
import VoiceOpusCodec

/// Whole recordings through the codec.
enum OpusStream {
    static func encode(_ sound: [Float], _ settings: OpusEncoderSettings) throws -> [[UInt8]] {
        try encode(sound, with: OpusSoundEncoder(settings))
    }

    /// The last packet is filled up with silence.
    static func encode(_ sound: [Float], with encoder: OpusSoundEncoder) throws -> [[UInt8]] {
        var bytes = [UInt8](repeating: 0, count: encoder.packetBytesMax)
        return try stride(from: 0, to: sound.count, by: encoder.packetSamples).map { start in
            var frame = Array(sound[start..<min(start + encoder.packetSamples, sound.count)])
            frame += [Float](repeating: 0, count: encoder.packetSamples - frame.count)
            let count = try bytes.withUnsafeMutableBytes { bytes in
                try frame.withUnsafeBufferPointer { try encoder.encodeFrame($0, into: bytes) }
            }
            return Array(bytes[..<count])
        }
    }

    static func decode(_ packets: [[UInt8]]) throws -> [Float] {
        let decoder = try OpusSoundDecoder()
        return try packets.flatMap { try decode($0, with: decoder) }
    }

    static func decode(_ packet: [UInt8], with decoder: OpusSoundDecoder) throws -> [Float] {
        var samples = [Float](repeating: 0, count: OpusSoundDecoder.packetSamplesMax)
        let count = try samples.withUnsafeMutableBufferPointer { samples in
            try packet.withUnsafeBytes { try decoder.decodePacket($0, into: samples) }
        }
        // No copy of a slice: where nobody looks at it, the optimiser frees the copy before it is filled.
        samples.removeLast(samples.count - count)
        return samples
    }

    static func conceal(_ count: Int, with decoder: OpusSoundDecoder) -> [Float] {
        var samples = [Float](repeating: 1, count: count)
        let made = samples.withUnsafeMutableBufferPointer { decoder.conceal(into: $0) }
        samples.removeLast(samples.count - made)
        return samples
    }

    /// Samples by which `sound` lags `reference`, where both agree best.
    static func lag(of sound: [Float], behind reference: [Float], within range: Int) -> Int {
        let middle = range..<min(sound.count, reference.count) - range
        let scores = (-range...range).map { lag in
            (lag: lag, score: middle.reduce(Float(0)) { $0 + reference[$1] * sound[$1 + lag] })
        }
        return scores.max { $0.score < $1.score }?.lag ?? .max
    }
}

/// How near two sounds are.
enum Spectrum {
    private static let window = 512

    /// The mean difference in decibels of short-time spectra in third-octave-like bands, where the reference is within
    /// 40 dB of its loudest.
    static func distance(_ sound: [Float], _ reference: [Float], bands: ClosedRange<Double>) -> Double {
        let count = min(sound.count, reference.count)
        var edges = [bands.lowerBound]
        while let last = edges.last, last * 1.26 <= bands.upperBound { edges.append(last * 1.26) }
        var pairs: [(reference: Double, sound: Double)] = []
        for start in stride(from: 0, to: count - window, by: window / 2) {
            let left = powers(reference, start, edges)
            pairs += zip(left, powers(sound, start, edges)).map { ($0, $1) }
        }
        let loudest = pairs.map(\.reference).max() ?? 0
        let heard = pairs.filter { $0.reference > loudest / 10_000 }
        return heard.reduce(0) { $0 + abs(10 * log10(($1.sound + 1e-12) / ($1.reference + 1e-12))) }
            / Double(max(heard.count, 1))
    }

    /// In decibels, after the best gain: what of the sound is not the reference.
    static func signalToNoise(_ sound: [Float], _ reference: [Float]) -> Double {
        var cross = 0.0
        var own = 0.0
        var other = 0.0
        for (x, y) in zip(sound, reference) {
            cross += Double(x) * Double(y)
            own += Double(x) * Double(x)
            other += Double(y) * Double(y)
        }
        let explained = cross * cross / own
        return 10 * log10(explained / (other - explained))
    }

    private static let twiddles: [(cosine: Double, sine: Double)] = (0..<window).map {
        let angle = 2 * Double.pi * Double($0) / Double(window)
        return (cos(angle), sin(angle))
    }

    private static func powers(_ sound: [Float], _ start: Int, _ edges: [Double]) -> [Double] {
        let frame = (0..<window).map { Double(sound[start + $0]) * (0.5 - 0.5 * twiddles[$0].cosine) }
        return zip(edges, edges.dropFirst()).map { low, high in
            let bins = Int(low * Double(window) / 16_000)...Int(high * Double(window) / 16_000)
            return bins.reduce(0) { power, bin in
                var real = 0.0
                var imaginary = 0.0
                for index in 0..<window {
                    let twiddle = twiddles[index * bin % window]
                    real += frame[index] * twiddle.cosine
                    imaginary += frame[index] * twiddle.sine
                }
                return power + real * real + imaginary * imaginary
            }
        }
    }
}

import Foundation
import VoiceOpusCodec

/// The repository's fixture as 16-bit samples at 16 kHz.
struct Speech16k {
    let samples: [Int16]

    init() {
        let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
        let path = "\(root)/fixtures/speech-female.wav"
        guard let data = FileManager.default.contents(atPath: path), data.count > 44 else {
            fatalError("\(path): can't be read")
        }
        // What scripts make there: a plain header of 44 bytes, 16-bit mono at 16 kHz.
        let bytes = [UInt8](data)
        samples = stride(from: 44, to: bytes.count - 1, by: 2).map { Int16(bytes[$0]) | Int16(bytes[$0 + 1]) << 8 }
    }

    /// WebSocket frames of 20 ms each, masked by the key zero, which a client may choose.
    var pcmFrames: [[UInt8]] {
        stride(from: 0, to: samples.count - 319, by: 320).map { start in
            let payload = samples[start..<start + 320].flatMap {
                [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
            }
            return LoadClient.frame(opcode: 2, payload)
        }
    }

    var opusFrames: [[UInt8]] {
        guard let encoder = try? OpusSoundEncoder() else { fatalError("no Opus") }
        var packet = [UInt8](repeating: 0, count: encoder.packetBytesMax)
        return stride(from: 0, to: samples.count - 319, by: 320).map { start in
            let frame = samples[start..<start + 320].map { Float($0) / 32_768 }
            let count = frame.withUnsafeBufferPointer { frame in
                packet.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
            }
            return LoadClient.frame(opcode: 2, Array(packet[..<count]))
        }
    }
}

/// One kind of session.
struct LoadSubject {
    let name: String
    let options: [String]
    let voice: String
    let format: String
    let frames: [[UInt8]]

    static func all(_ speech: Speech16k) -> [LoadSubject] {
        let pcm = "pcm_16le_16k_mono"
        return [
            LoadSubject(name: "echo, PCM", options: ["--echo"], voice: "none", format: pcm, frames: speech.pcmFrames),
            LoadSubject(name: "voice rachel, PCM", options: [], voice: "rachel", format: pcm, frames: speech.pcmFrames),
            LoadSubject(
                name: "voice rachel, Opus", options: [], voice: "rachel", format: "opus_16k_mono",
                frames: speech.opusFrames),
        ]
    }
}

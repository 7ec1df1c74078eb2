import Glibc
import VoiceWebSocket

/// What touches every byte: masking beside memcpy, UTF-8 checking beside the standard library.
enum MemoryBench {
    static func run() {
        print("masking, relative to memcpy of the same bytes (1.00 = as fast)")
        for count in [640, 4096, 65_536, 1 << 20, 16 << 20] {
            let source = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
            let target = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
            defer {
                source.deallocate()
                target.deallocate()
            }
            source.initializeMemory(as: UInt8.self, repeating: 0x41)
            target.initializeMemory(as: UInt8.self, repeating: 0)
            guard let to = target.baseAddress, let from = source.baseAddress else { return }
            let repetitions = max(4, (32 << 20) / count)
            var copying = Double.infinity
            var masking = Double.infinity
            var bytewise = Double.infinity
            // Interleaved, so that all meet the same neighbours.
            for _ in 0..<7 {
                copying = min(copying, Stopwatch.best(of: 1, count: repetitions) { memcpy(to, from, count) })
                masking = min(
                    masking,
                    Stopwatch.best(of: 1, count: repetitions) {
                        Masking.copy(UnsafeRawBufferPointer(source), to: to, key: 0x1234_5678)
                    })
                bytewise = min(
                    bytewise,
                    Stopwatch.best(of: 1, count: max(1, repetitions / 8)) {
                        Masking.copyBytewise(UnsafeRawBufferPointer(source), to: to, key: 0x1234_5678)
                    })
            }
            print(
                column("\(count)", 10), "B:", figure(copying / masking), " byte loop", figure(copying / bytewise), " ",
                figure(Double(count) / masking), "GB/s")
        }

        print("UTF-8 checking, GB/s (String(validating:) beside)")
        for (name, text) in [("ASCII", "The quick brown fox. "), ("German", "Füße, Möwen, Äpfel. "), ("日本", "日本語の文字")] {
            let bytes = Array(String(repeating: text, count: (1 << 20) / text.utf8.count).utf8)
            let ours = Stopwatch.best(of: 7, count: 8) {
                var validator = UTF8Validator()
                let isValid = bytes.withUnsafeBytes { bytes in validator.accept(bytes) }
                precondition(isValid)
            }
            let theirs = Stopwatch.best(of: 7, count: 8) {
                precondition(String(validating: bytes, as: UTF8.self) != nil)
            }
            print(
                column(name, 10), ":", figure(Double(bytes.count) / ours), " ", figure(Double(bytes.count) / theirs))
        }
    }
}

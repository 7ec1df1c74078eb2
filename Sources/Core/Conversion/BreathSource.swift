import CSignalKernels

/// Noise with the colour and the loudness of the voice: what a whisper is.
///
/// Every 2.5 ms a linear predictor is fitted to 20 ms of the source around the output's position, read at the formants'
/// speed; a lattice of its reflection coefficients, which stays stable while they glide, shapes the noise.
struct BreathSource: ~Copyable {
    private static let order = 18
    private static let window = 320
    private static let reach = SincTable.taps / 2 + 1

    private var prediction = LinearPrediction(order: BreathSource.order)
    private let piece: UnsafeMutablePointer<Float>
    private let hann: UnsafeMutablePointer<Float>
    private let reflections: UnsafeMutablePointer<Double>
    private let memory: UnsafeMutablePointer<Double>
    private var gain = 0.0
    private var wantedGain = 0.0
    private var noise: NoiseGenerator

    init(seed: UInt64) {
        noise = NoiseGenerator(seed: seed)
        piece = .allocate(capacity: Self.window)
        piece.initialize(repeating: 0, count: Self.window)
        hann = .allocate(capacity: Self.window)
        for index in 0..<Self.window {
            let turn = (Double(index) + 0.5) / Double(Self.window)
            (hann + index).initialize(to: Float(0.5 - 0.5 * csk_cos(2 * Double.pi * turn)))
        }
        reflections = .allocate(capacity: Self.order)
        reflections.initialize(repeating: 0, count: Self.order)
        memory = .allocate(capacity: Self.order + 1)
        memory.initialize(repeating: 0, count: Self.order + 1)
    }

    deinit {
        piece.deallocate()
        hann.deallocate()
        reflections.deallocate()
        memory.deallocate()
    }

    mutating func reset() {
        noise.reset()
        prediction.reset()
        gain = 0
        wantedGain = 0
        for index in 0..<Self.order {
            reflections[index] = 0
            memory[index] = 0
        }
        memory[Self.order] = 0
    }

    /// Fits the envelope around `position`; once per hop.
    mutating func fit(position: Int, speed: Double, audio: borrowing SampleHistory, sinc: borrowing SincTable) {
        let bank = sinc.bank(speed: speed)
        let half = Double(Self.window) / 2
        let last = Double(audio.count - Self.reach)
        for index in 0..<Self.window {
            let place = min(last, Double(position) + speed * (Double(index) - half))
            piece[index] = hann[index] * SincTable.read(audio, at: place, bank: bank)
        }
        guard prediction.fit(UnsafePointer(piece), count: Self.window) else {
            wantedGain = 0
            return
        }
        // The Hann window keeps 3/8 of the energy.
        wantedGain = Double(csk_sqrtf(Float(max(0, prediction.residual) / (0.375 * Double(Self.window)))))
    }

    /// The next sample of shaped noise.
    @inline(__always)
    mutating func next() -> Float {
        gain += (wantedGain - gain) / 24
        var forward = gain * noise.next()
        var stage = Self.order - 1
        while stage >= 0 {
            reflections[stage] += (prediction.reflections[stage] - reflections[stage]) / 48
            forward -= reflections[stage] * memory[stage]
            memory[stage + 1] = memory[stage] + reflections[stage] * forward
            stage -= 1
        }
        memory[0] = forward
        return Float(forward)
    }
}

/// White noise of unit variance: xorshift64*, three draws per sample.
struct NoiseGenerator {
    private let seed: UInt64
    private var state: UInt64

    init(seed: UInt64) {
        // Zero is the one state that xorshift never leaves.
        self.seed = seed == 0 ? 0x9E37_79B9_7F4A_7C15 : seed
        state = self.seed
    }

    mutating func reset() {
        state = seed
    }

    @inline(__always)
    mutating func next() -> Double {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        let bits = state &* 0x2545_F491_4F6C_DD1D
        let sum = Double(bits >> 43) + Double((bits >> 22) & 0x1F_FFFF) + Double((bits >> 1) & 0x1F_FFFF)
        return 2 * (sum / 2_097_152 - 1.5)
    }
}

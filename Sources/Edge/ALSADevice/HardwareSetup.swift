import CALSA
import CALSAShims
import Glibc
import VoiceRealtime
import VoiceSignal

/// The negotiation with a device: what is wanted, step by step, then what was granted, read back.
struct HardwareSetup {
    let handle: OpaquePointer
    let device: String
    let direction: DeviceDirection
    let options: DeviceOptions
    /// The only acceptable rate; nil for the nearest.
    let sampleRate: Int?

    /// Best first. Float is native only to sound servers, and all others are exact in it or wider.
    static let formats: [(SampleFormat, snd_pcm_format_t)] = [
        (.float32, SND_PCM_FORMAT_FLOAT_LE), (.s32, SND_PCM_FORMAT_S32_LE), (.s24in32, SND_PCM_FORMAT_S24_LE),
        (.s24, SND_PCM_FORMAT_S24_3LE), (.s16, SND_PCM_FORMAT_S16_LE),
    ]
    static let accesses: [(DeviceAccess, snd_pcm_access_t)] = [
        (.mapped, SND_PCM_ACCESS_MMAP_INTERLEAVED), (.readWrite, SND_PCM_ACCESS_RW_INTERLEAVED),
    ]
    static let channelsMax = 8

    func install() throws(DeviceError) -> PCM.Grant {
        var parameters: OpaquePointer?
        guard snd_pcm_hw_params_malloc(&parameters) >= 0, let parameters else {
            throw DeviceFailure.error(Int(-ENOMEM), device: device, direction: direction)
        }
        defer { snd_pcm_hw_params_free(parameters) }
        var grant = PCM.Grant()
        try check(snd_pcm_hw_params_any(handle, parameters))
        try chooseFormat(parameters, &grant)
        try chooseChannels(parameters)
        try chooseRate(parameters)
        choosePeriods(parameters)
        try check(snd_pcm_hw_params(handle, parameters))
        try readBack(parameters, &grant)
        try installWakeUps(&grant)
        return grant
    }

    private func chooseFormat(_ parameters: OpaquePointer, _ grant: inout PCM.Grant) throws(DeviceError) {
        guard
            let access = Self.accesses.first(where: { snd_pcm_hw_params_test_access(handle, parameters, $0.1) == 0 })
        else { throw unsupported("gives no interleaved access") }
        try check(snd_pcm_hw_params_set_access(handle, parameters, access.1))
        guard
            let format = Self.formats.first(where: {
                (options.format ?? $0.0) == $0.0 && snd_pcm_hw_params_test_format(handle, parameters, $0.1) == 0
            })
        else { throw unsupported("has no sample format that can be used") }
        try check(snd_pcm_hw_params_set_format(handle, parameters, format.1))
        grant.access = access.0
        grant.format = format.0
    }

    private func chooseChannels(_ parameters: OpaquePointer) throws(DeviceError) {
        var needed: UInt32 = 1
        if case .only(let index) = options.channelChoice, direction == .capture { needed = UInt32(index) + 1 }
        var channels = max(UInt32(options.channels), needed)
        try check(snd_pcm_hw_params_set_channels_near(handle, parameters, &channels))
        guard channels <= Self.channelsMax else { throw unsupported("has \(channels) channels at least") }
        guard channels >= needed else {
            throw DeviceError(
                .invalidOptions, device: device,
                "\(device) has \(channels) channels; the last one has the number \(channels - 1)")
        }
    }

    private func chooseRate(_ parameters: OpaquePointer) throws(DeviceError) {
        let wanted = sampleRate ?? options.sampleRate
        var rate = UInt32(wanted)
        try check(snd_pcm_hw_params_set_rate_near(handle, parameters, &rate, nil))
        guard (8_000...192_000).contains(rate) else { throw unsupported("runs at \(rate) Hz") }
        guard sampleRate == nil || Int(rate) == wanted else { throw unsupported("does not run at \(wanted) Hz") }
    }

    /// Wishes only: the device answers with the nearest that it has.
    private func choosePeriods(_ parameters: OpaquePointer) {
        var rate: UInt32 = 0
        snd_pcm_hw_params_get_rate(parameters, &rate, nil)
        let latency = Int(options.latencyNanoseconds) * Int(rate) / 1_000_000_000
        // Capture's buffer adds no delay, so it is large enough for a late thread; playback's is what is queued.
        var period = snd_pcm_uframes_t(max(1, direction == .capture ? latency : latency / 2))
        var buffer = direction == .capture ? max(4 * period, snd_pcm_uframes_t(rate) / 10) : 2 * period
        snd_pcm_hw_params_set_period_size_near(handle, parameters, &period, nil)
        if direction == .playback { buffer = max(buffer, 2 * period) }
        snd_pcm_hw_params_set_buffer_size_near(handle, parameters, &buffer)
    }

    private func readBack(_ parameters: OpaquePointer, _ grant: inout PCM.Grant) throws(DeviceError) {
        var rate: UInt32 = 0
        var channels: UInt32 = 0
        var period: snd_pcm_uframes_t = 0
        var buffer: snd_pcm_uframes_t = 0
        try check(snd_pcm_hw_params_get_rate(parameters, &rate, nil))
        try check(snd_pcm_hw_params_get_channels(parameters, &channels))
        try check(snd_pcm_hw_params_get_period_size(parameters, &period, nil))
        try check(snd_pcm_hw_params_get_buffer_size(parameters, &buffer))
        guard period > 0, buffer >= period, buffer <= 1 << 24 else { throw unsupported("has a buffer of \(buffer)") }
        grant.sampleRate = Int(rate)
        grant.channels = Int(channels)
        grant.periodFrames = Int(period)
        grant.bufferFrames = Int(buffer)
        let latency = Int(options.latencyNanoseconds) * Int(rate) / 1_000_000_000
        grant.queueFrames =
            direction == .capture ? grant.periodFrames : min(grant.bufferFrames, max(latency, 2 * grant.periodFrames))
    }

    /// When the device wakes the thread, and that it starts when it is told to.
    private func installWakeUps(_ grant: inout PCM.Grant) throws(DeviceError) {
        var parameters: OpaquePointer?
        guard snd_pcm_sw_params_malloc(&parameters) >= 0, let parameters else {
            throw DeviceFailure.error(Int(-ENOMEM), device: device, direction: direction)
        }
        defer { snd_pcm_sw_params_free(parameters) }
        try check(snd_pcm_sw_params_current(handle, parameters))
        let isCapture = direction == .capture
        let available = isCapture ? grant.periodFrames : grant.bufferFrames - grant.queueFrames + grant.periodFrames
        let threshold = isCapture ? 1 : grant.queueFrames
        try check(
            snd_pcm_sw_params_set_avail_min(
                handle, parameters, snd_pcm_uframes_t(min(available, grant.bufferFrames))))
        try check(snd_pcm_sw_params_set_start_threshold(handle, parameters, snd_pcm_uframes_t(threshold)))
        try check(snd_pcm_sw_params(handle, parameters))
    }

    private func check(_ code: Int32) throws(DeviceError) {
        if code < 0 { throw DeviceFailure.error(Int(code), device: device, direction: direction) }
    }

    private func unsupported(_ what: String) -> DeviceError {
        DeviceError(
            .unsupported, device: device, code: EINVAL, "\(device) \(what); try plug:'\(device)', which converts")
    }
}

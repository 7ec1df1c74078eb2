/// The seam between the signal path and a codec: sound in packets that are not plain samples.
///
/// Core and SignalPath know a codec by these two protocols alone; whoever builds the chain hands one in.
public protocol PacketEncoder: AnyObject {
    /// Samples of one packet.
    var packetSamples: Int { get }
    /// Samples by which the decoded sound lags what was encoded.
    var delaySamples: Int { get }
    /// The most bytes that a packet takes.
    var packetBytesMax: Int { get }

    /// Encodes ``packetSamples`` samples, full scale at ±1, into room for ``packetBytesMax`` bytes, and returns how many
    /// bytes it wrote. One thread at a time; no allocation.
    func encode(_ samples: UnsafeBufferPointer<Float>, into bytes: UnsafeMutableRawBufferPointer) -> Int
}

/// The other side of the seam: packets to samples.
public protocol PacketDecoder: AnyObject {
    /// Decodes one packet and returns how many samples it held; `nil` when it is malformed or `samples` has no room for
    /// it, and nothing has changed then. One thread at a time; no allocation.
    func decode(_ packet: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Float>) -> Int?

    /// Fills a gap with what the sound would probably have been, fading; returns how many samples it made.
    func conceal(into samples: UnsafeMutableBufferPointer<Float>) -> Int
}

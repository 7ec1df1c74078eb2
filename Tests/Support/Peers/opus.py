"""Opus for the peers: libopus by ctypes, 16 kHz mono, 16-bit samples. Shares no code with the product."""
import ctypes
import ctypes.util

library = ctypes.CDLL(ctypes.util.find_library("opus") or "libopus.so.0")
library.opus_encoder_create.restype = ctypes.c_void_p
library.opus_decoder_create.restype = ctypes.c_void_p

APPLICATION_VOIP = 2048
SET_BITRATE = 4002
SET_VBR = 4006
GET_LOOKAHEAD = 4027


class Encoder:
    def __init__(self, bits_per_second=24_000, constant=False, packet_samples=320):
        error = ctypes.c_int()
        self.state = ctypes.c_void_p(library.opus_encoder_create(16_000, 1, APPLICATION_VOIP, ctypes.byref(error)))
        assert error.value == 0
        library.opus_encoder_ctl(self.state, SET_BITRATE, ctypes.c_int(bits_per_second))
        library.opus_encoder_ctl(self.state, SET_VBR, ctypes.c_int(0 if constant else 1))
        lookahead = ctypes.c_int()
        library.opus_encoder_ctl(self.state, GET_LOOKAHEAD, ctypes.byref(lookahead))
        self.delay_samples = lookahead.value
        self.packet_samples = packet_samples
        self.waiting = bytearray()

    def packets(self, pcm, everything=False):
        """The packets that these samples complete; at the end with silence to fill the last one up."""
        self.waiting.extend(pcm)
        size = 2 * self.packet_samples
        if everything and len(self.waiting) % size:
            self.waiting.extend(bytes(size - len(self.waiting) % size))
        packets = []
        while len(self.waiting) >= size:
            packet = ctypes.create_string_buffer(4_000)
            count = library.opus_encode(self.state, bytes(self.waiting[:size]), self.packet_samples, packet, 4_000)
            assert count > 0, count
            packets.append(packet.raw[:count])
            del self.waiting[:size]
        return packets


class Decoder:
    def __init__(self):
        error = ctypes.c_int()
        self.state = ctypes.c_void_p(library.opus_decoder_create(16_000, 1, ctypes.byref(error)))
        assert error.value == 0

    def samples(self, packet):
        pcm = ctypes.create_string_buffer(2 * 1_920)
        count = library.opus_decode(self.state, bytes(packet), len(packet), pcm, 1_920, 0)
        assert count > 0, count
        return pcm.raw[:2 * count]

#!/usr/bin/env python3
"""Converts a folder of recordings with what else there is, at the same ratios.

usage: peers.py PEER FROM TO --pitch RATIO --formants FACTOR          PEER: one of `PEERS`

Rubber Band runs as an audio thread would run it: its library in real-time mode, blocks of 10 ms, and the smallest
constant delay at which it never runs dry stays in the result. The others are offline tools that take their delay out.
SoundTouch and sox have no formants: theirs move with the pitch.
"""
import argparse
import ctypes
import ctypes.util
import math
import pathlib
import subprocess

import numpy as np

from sound import HOP, RATE, read, write

BLOCK = RATE // 100


def world(samples, ratio, factor):
    """WORLD: analysis of pitch, envelope and aperiodicity over the whole recording, and a new synthesis."""
    import pyworld

    f0, times = pyworld.harvest(samples, RATE, f0_floor=55.0, f0_ceil=600.0, frame_period=1000 * HOP / RATE)
    envelope = pyworld.cheaptrick(samples, f0, times, RATE)
    aperiodicity = pyworld.d4c(samples, f0, times, RATE)
    bins = np.arange(envelope.shape[1])
    source = np.minimum(bins / factor, bins[-1])
    envelope = np.exp(np.stack([np.interp(source, bins, np.log(row)) for row in envelope]))
    aperiodicity = np.stack([np.interp(source, bins, row) for row in aperiodicity])
    result = pyworld.synthesize(f0 * ratio, envelope, aperiodicity, RATE)[: len(samples)]
    return result * min(1, 0.99 / np.abs(result).max())


class RubberBand:
    """The library's C interface; the figures are those of `RubberBandOption` in rubberband-c.h."""

    REAL_TIME, SHORT_WINDOW, KEEP_FORMANTS = 0x1, 0x00100000, 0x01000000
    PITCH_CONSISTENT, FINER = 0x04000000, 0x20000000

    def __init__(self, window=0):
        self.options = self.REAL_TIME | self.FINER | self.KEEP_FORMANTS | self.PITCH_CONSISTENT | window

    def __call__(self, samples, ratio, factor):
        library = ctypes.CDLL(ctypes.util.find_library("rubberband") or "librubberband.so.2")
        library.rubberband_new.restype = ctypes.c_void_p
        library.rubberband_new.argtypes = [
            ctypes.c_uint, ctypes.c_uint, ctypes.c_int, ctypes.c_double, ctypes.c_double]
        library.rubberband_set_formant_scale.argtypes = [ctypes.c_void_p, ctypes.c_double]
        library.rubberband_set_max_process_size.argtypes = [ctypes.c_void_p, ctypes.c_uint]
        library.rubberband_process.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
        library.rubberband_available.argtypes = [ctypes.c_void_p]
        library.rubberband_retrieve.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
        library.rubberband_delete.argtypes = [ctypes.c_void_p]
        state = library.rubberband_new(RATE, 1, self.options, 1.0, ratio)
        # Relative to the pitch: its own default for keeping formants is 1 / ratio.
        library.rubberband_set_formant_scale(state, factor / ratio)
        library.rubberband_set_max_process_size(state, BLOCK)
        # Half a second more, so that the end of the recording comes out too.
        blocks = np.concatenate([samples, np.zeros(RATE // 2 + BLOCK - len(samples) % BLOCK)])
        blocks = blocks.astype(np.float32).reshape(-1, BLOCK)
        made, wait = [], 0
        for number, block in enumerate(blocks):
            library.rubberband_process(state, pointer(block), BLOCK, 0)
            count = library.rubberband_available(state)
            if count > 0:
                part = np.zeros(count, np.float32)
                library.rubberband_retrieve(state, pointer(part), count)
                made.append(part)
            wait = max(wait, (number + 1) * BLOCK - sum(map(len, made)))
        library.rubberband_delete(state)
        return np.concatenate([np.zeros(wait), *made])[: len(samples) + RATE // 4]


def pointer(samples):
    """A C array of one channel."""
    return ctypes.byref(ctypes.c_void_p(samples.ctypes.data))


def tool(words):
    """A tool that converts a file to a file; `words` makes its command line."""

    def convert(source, target, ratio):
        subprocess.run(words(str(source), str(target), 12 * math.log2(ratio)), check=True, capture_output=True)

    return convert


PEERS = {
    "world": world,
    "rubberband": RubberBand(),
    "rubberband-short": RubberBand(RubberBand.SHORT_WINDOW),
}
TOOLS = {
    "soundtouch": tool(
        lambda source, target, tones: ["soundstretch", source, target, "-pitch=%.4f" % tones, "-speech"]),
    "sox": tool(
        lambda source, target, tones: ["sox", "-D", "-R", "-V1", source, target, "pitch", "%.2f" % (100 * tones)]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=[*PEERS, *TOOLS])
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--pitch", type=float, required=True)
    parser.add_argument("--formants", type=float, required=True)
    options = parser.parse_args()
    options.target.mkdir(parents=True, exist_ok=True)
    for path in sorted(options.source.glob("*.wav")):
        result = options.target / path.name
        if options.peer in TOOLS:
            TOOLS[options.peer](path, result, options.pitch)
        else:
            write(result, PEERS[options.peer](read(path), options.pitch, options.formants))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A small judge for every test run: is a conversion still what it should be?

usage: guard.py ORIGINAL CONVERTED --pitch RATIO --formants FACTOR       fixed ratios
       guard.py ORIGINAL CONVERTED --median HERTZ                        a voice that speakers land on

Prints every figure beside its limits and exits with 1 if one lies outside. The limits are wide: this tells broken from
whole, `judge.py` good from better. Figures are the judge's own; only the tracker and the envelope are simple ones of
numpy, so that Debian's numpy and scipy are all it needs.
"""
import argparse
import sys
import wave

import numpy as np
from scipy.signal import resample_poly

import events
import pitch
import spectrum
from sound import HOP, RATE, delay_milliseconds, frame_levels, speech_frames

# What espeak's sentences give lies well inside; an unvoiced stretch kept as it is moves the envelope's distance most.
LIMITS = {
    "length": (0, 0), "delay": (-1.5, 1.5), "f0_error": (-2, 2), "gross_error": (0, 8), "landing": (-1.5, 1.5),
    "warp_error": (-4, 4), "envelope": (0, 5.5), "clicks": (0, 0), "level": (-1.5, 1.5), "clipped": (0, 0),
    "dropout": (-9, 0), "unsteady": (0, 4), "pauses": (-60, 6), "flat_tops": (0, 0.03),
}


def read_any(path):
    """The samples at 16 kHz, and how many frames the file itself has."""
    with wave.open(path) as file:
        assert file.getsampwidth() == 2 and file.getnchannels() == 1, "%s: not 16-bit mono" % path
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
        common = np.gcd(RATE, file.getframerate())
        return resample_poly(samples, RATE // common, file.getframerate() // common), file.getnframes()


def track(samples, lowest=60, highest=500):
    """F0 by frame: the first lag whose correlation comes near to the best, 0 where the best is poor."""
    size, longest, shortest = 512, RATE // lowest, RATE // highest
    padded = np.concatenate([np.zeros(size // 2 + longest // 2), samples, np.zeros(size + longest + HOP)])
    count = int(len(samples) / HOP) + 1
    parts = np.lib.stride_tricks.sliding_window_view(padded, size + longest)[::HOP][:count]
    here = parts[:, :size] - parts[:, :size].mean(1, keepdims=True)
    # The numerator by Fourier, the energies by running sums; without a mean, as a slow wave correlates with anything.
    spectra = np.fft.rfft(parts, 1024) * np.conj(np.fft.rfft(here, 1024))
    numerator = np.fft.irfft(spectra, 1024)[:, shortest : longest + 1]
    sums, squares = [np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1) for values in (parts, parts**2)]
    sums, squares = [total[:, size + shortest :] - total[:, shortest : longest + 1] for total in (sums, squares)]
    energy = (here**2).sum(1, keepdims=True) + 1e-6
    matches = numerator / np.sqrt(energy * (np.maximum(squares - sums**2 / size, 0) + 1e-6))
    f0 = np.zeros(count)
    for frame in np.flatnonzero(matches.max(1) >= 0.75):
        match = matches[frame]
        peaks = np.flatnonzero((match[1:-1] > match[:-2]) & (match[1:-1] >= match[2:])) + 1
        peaks = peaks[match[peaks] > 0.9 * match.max()]
        if len(peaks):
            left, top, right = match[peaks[0] - 1 : peaks[0] + 2]
            f0[frame] = RATE / (shortest + peaks[0] + 0.5 * (left - right) / (left - 2 * top + right))
    return f0


def envelopes(samples, f0, frames):
    """Log envelopes of voiced frames: three periods, the harmonics smeared over twice the pitch."""
    padded = np.concatenate([np.zeros(RATE // 20), samples, np.zeros(RATE // 20)])
    rows = []
    for frame in frames:
        half = int(1.5 * RATE / f0[frame])
        middle = RATE // 20 + frame * HOP
        window = np.hanning(2 * half + 1)
        power = np.abs(np.fft.rfft(padded[middle - half : middle + half + 1] * window, 1024)) ** 2
        width = max(1, int(round(f0[frame] / (RATE / 1024))))
        for _ in range(2):
            edged = np.concatenate([power[width // 2 : 0 : -1], power, power[-2 : -2 - (width - width // 2) : -1]])
            power = np.convolve(edged, np.ones(width) / width, "valid")[: spectrum.BINS]
        rows.append(10 * np.log10(power + 1e-14))
    return np.array(rows)


def judge(original, converted, ratio=None, factor=None, median=None):
    (before, length), (after, other) = read_any(original), read_any(converted)
    figures = {"length": other - length, "delay": delay_milliseconds(before, after)}
    after = np.concatenate([after, np.zeros(max(0, len(before) - len(after)))])[: len(before)]
    levels = frame_levels(before)
    f0, found = track(before), track(after)
    count = min(len(f0), len(found), len(levels))
    f0, found, levels = f0[:count], found[:count], levels[:count]
    speech = speech_frames(levels)
    if median:
        figures["landing"] = float(12 * np.log2(np.median(found[(found > 0) & speech]) / median))
    else:
        voice, right = pitch.compare(pitch.Truth(f0, f0), found, ratio, speech)
        figures.update({name: voice[name] for name in ("f0_error", "gross_error")})
        frames = np.flatnonzero(right)
        shapes = envelopes(before, f0, frames), envelopes(after, found, frames)
        figures["warp_error"] = 100 * (spectrum.found_factor(*shapes) / factor - 1)
        figures["envelope"] = spectrum.distance(spectrum.moved(shapes[0], factor), spectrum.moved(shapes[1], 1))
    figures["clicks"] = events.clicks_of_its_own(before, after)
    figures["level"] = events.level_change(before, after, speech)
    figures["clipped"] = events.clipped_share(after)
    figures["dropout"] = events.deepest_dropout(before, after, speech)
    figures["unsteady"] = events.unsteadiness(before, after, speech)
    pauses = events.silence_change(before, after, speech)
    figures["pauses"] = 0.0 if pauses is None else pauses
    figures["flat_tops"] = events.flat_tops(after)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("original")
    parser.add_argument("converted")
    parser.add_argument("--pitch", type=float)
    parser.add_argument("--formants", type=float)
    parser.add_argument("--median", type=float)
    options = parser.parse_args()
    if not options.median and not (options.pitch and options.formants):
        parser.error("give --median, or --pitch and --formants")
    figures = judge(options.original, options.converted, options.pitch, options.formants, options.median)
    outside = []
    for name, value in figures.items():
        low, high = LIMITS[name]
        # Not a number is outside too.
        if not low <= value <= high:
            outside.append(name)
        print("%-12s %9.3f   %g to %g%s" % (name, value, low, high, "   OUTSIDE" if name in outside else ""))
    sys.exit(1 if outside else 0)


if __name__ == "__main__":
    main()

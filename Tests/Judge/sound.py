"""Recordings as arrays: reading, writing, which parts are speech, and how far one lies behind another.

Everything here works at 16 kHz, mono, on a grid of one frame every 5 ms. Needs numpy and scipy alone.
"""
import wave

import numpy as np
from scipy.signal import butter, sosfilt

RATE = 16000
HOP = 80
MILLISECOND = 16


def read(path):
    """The samples of a 16-bit WAV file at 16 kHz, -1 to 1; several channels are averaged."""
    with wave.open(str(path)) as file:
        if file.getframerate() != RATE or file.getsampwidth() != 2:
            raise ValueError("%s: not 16-bit sound at %d Hz" % (path, RATE))
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
        return samples.reshape(-1, file.getnchannels()).mean(1)


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes())


def frame_levels(samples):
    """Level in dB of the 20 ms around each frame's middle."""
    sums = np.concatenate([[0.0], np.cumsum(samples**2)])
    middle = np.arange(int(len(samples) / RATE / 0.005) + 1) * HOP
    first, last = np.maximum(middle - 160, 0), np.minimum(middle + 160, len(samples))
    energy = np.where(last > first, (sums[last] - sums[first]) / np.maximum(last - first, 1), 0)
    return 10 * np.log10(np.maximum(energy, 0) + 1e-12)


def speech_frames(levels):
    """Frames within 35 dB of the loud ones: relative, so that a quiet recording is speech too."""
    return levels > np.percentile(levels, 98) - 35


def filtered(samples, order, edges, kind):
    return sosfilt(butter(order, edges, kind, fs=RATE, output="sos"), samples)


def energy_by_millisecond(samples, above=None):
    """Mean energy of each millisecond, of the band above so many hertz if given."""
    if above:
        samples = filtered(samples, 4, above, "highpass")
    count = len(samples) // MILLISECOND
    return (samples[: count * MILLISECOND].reshape(count, MILLISECOND) ** 2).mean(1) + 1e-10


def delay_milliseconds(before, after, reach=200):
    """How far `after` lies behind `before`: where their energy envelopes in three bands agree best.

    Envelopes and not waveforms, because a converted voice has other periods. The top of the summed correlation is
    refined by a parabola.
    """
    total = np.zeros(2 * reach + 1)
    for edges in ((150, 1000), (1000, 3000), (3000, 7000)):
        curves = []
        for samples in (before, after):
            energy = energy_by_millisecond(filtered(samples, 2, edges, "bandpass"))
            energy = np.convolve(energy, np.hanning(13) / 6, "same")
            curve = np.log(energy + energy.max() * 1e-4)
            curves.append(curve - curve.mean())
        size = 1 << (len(curves[0]) + len(curves[1]) - 2).bit_length()
        spectrum = np.fft.rfft(curves[1], size) * np.conj(np.fft.rfft(curves[0], size))
        match = np.fft.irfft(spectrum, size) / np.sqrt((curves[0] ** 2).sum() * (curves[1] ** 2).sum())
        total += np.concatenate([match[-reach:], match[: reach + 1]])
    return top(total) - reach


def top(curve, lowest=False):
    """Place of a curve's highest (lowest) point, refined by the parabola through its neighbours."""
    place = int(np.argmin(curve) if lowest else np.argmax(curve))
    if place in (0, len(curve) - 1):
        return float(place)
    left, here, right = curve[place - 1 : place + 2]
    return place + 0.5 * (left - right) / (left - 2 * here + right)


def aligned(samples, delay, count):
    """`samples` moved forward by a delay in ms and cut or filled to `count`."""
    shift = int(round(delay * MILLISECOND))
    moved = np.concatenate([np.zeros(max(0, -shift)), samples[max(0, shift) :]])
    return np.concatenate([moved, np.zeros(max(0, count - len(moved)))])[:count]

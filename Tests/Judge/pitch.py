"""The pitch of a conversion against that of its original. Harvest and DIO come from WORLD (pyworld)."""
import copy

import numpy as np

from sound import HOP, RATE


def harvest(samples, lowest=55.0, highest=700.0):
    """F0 by frame, 0 where there is none."""
    import pyworld

    return pyworld.harvest(samples, RATE, f0_floor=lowest, f0_ceil=highest, frame_period=5.0)[0]


def dio(samples):
    import pyworld

    return pyworld.dio(samples, RATE, f0_floor=55.0, f0_ceil=600.0, frame_period=5.0)[0]


class Truth:
    """What is certain about the original's pitch: where two trackers agree."""

    def __init__(self, f0, second):
        second = np.concatenate([second, np.zeros(max(0, len(f0) - len(second)))])[: len(f0)]
        self.f0 = f0
        agree = np.abs(second / np.maximum(f0, 1) - 1) < 0.1
        self.voiced = (f0 > 0) & (second > 0) & agree
        self.unvoiced = (f0 == 0) & (second == 0)

    def first(self, count):
        """The same for the first frames alone."""
        part = copy.copy(self)
        part.f0, part.voiced, part.unvoiced = self.f0[:count], self.voiced[:count], self.unvoiced[:count]
        return part


def compare(truth, converted, ratio, speech):
    """Figures of F0, and the frames whose pitch came out right.

    A gross error is more than 20 % beside the wanted pitch; a voicing error has a pitch where the original has none or
    the other way round; a frame error is either of them. Cents are the spread of what is no gross error.
    """
    both = truth.voiced & (converted > 0) & speech
    certain = speech & (truth.voiced | truth.unvoiced)
    wrong_voicing = ((truth.f0 > 0) != (converted > 0)) & certain
    quotient = converted[both] / (ratio * truth.f0[both])
    gross = np.abs(quotient - 1) > 0.2
    right = both.copy()
    right[np.flatnonzero(both)[gross]] = False
    fine = quotient[~gross]
    figures = {"f0_frame_error": 100 * float(wrong_voicing.sum() + gross.sum()) / max(1, int(certain.sum()))}
    if certain.any():
        figures["voicing_error"] = 100 * float(wrong_voicing.sum() / certain.sum())
    if len(quotient):
        figures["f0_error"] = 100 * (float(np.median(quotient)) - 1)
        figures["gross_error"] = 100 * float(gross.mean())
    if len(fine):
        figures["f0_cents"] = float(1200 * np.log2(fine).std())
    return figures, right


def harmonicity(samples, f0):
    """Harmonics to noise in dB by frame: how well four periods repeat one period later, NaN where they don't fit."""
    found = np.full(len(f0), np.nan)
    for frame in np.flatnonzero(f0 > 0):
        period = RATE / f0[frame]
        width = int(4 * period)
        longest = int(period * 1.07) + 2
        first = frame * HOP - width // 2
        if first < 0 or first + width + longest > len(samples):
            continue
        lags = np.arange(int(period * 0.93), longest)
        here = samples[first : first + width]
        later = np.lib.stride_tricks.sliding_window_view(samples[first + lags[0] : first + lags[-1] + width], width)
        match = later @ here / np.sqrt((here @ here + 1e-12) * ((later**2).sum(1) + 1e-12))
        best = float(np.clip(match.max(), 1e-3, 0.99999))
        found[frame] = 10 * np.log10(best / (1 - best))
    return found

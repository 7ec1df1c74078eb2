"""Figures of time: rises before onsets, clicks, level, clipping, what sounds in pauses. numpy and scipy alone."""
import numpy as np
from scipy.ndimage import maximum_filter, median_filter

from sound import HOP, RATE, energy_by_millisecond, filtered, frame_levels


def pre_echo(before, after):
    """How much more energy, in dB, lies in the 5 to 25 ms before strong onsets than in the original; None without one.

    An onset is where the 10 ms that begin are 15 dB above the 20 ms that end 5 ms earlier, and within 30 dB of the
    loudest millisecond. Of neighbouring places the steepest counts, and the next onset is at least 40 ms later.
    """
    energies = [energy_by_millisecond(samples, above=200) for samples in (before, after)]
    count = min(map(len, energies))
    energies = [energy[:count] for energy in energies]
    floors = [energy.max() * 1e-5 for energy in energies]
    sums = [np.concatenate([[0.0], np.cumsum(energy)]) for energy in energies]

    def mean(which, first, last):
        return (sums[which][last] - sums[which][first]) / (last - first)

    def steepness(place):
        return mean(0, place, place + 5) / (mean(0, place - 12, place - 2) + floors[0])

    def rise(which, place):
        quiet, loud = mean(which, place - 25, place - 5), mean(which, place, place + 10)
        return 10 * np.log10((quiet + floors[which]) / (loud + floors[which]))

    rises, place, loudest = [], 30, energies[0].max()
    while place < count - 15:
        loud, quiet = mean(0, place, place + 10), mean(0, place - 25, place - 5)
        if loud <= loudest * 1e-3 or loud <= 31 * (quiet + floors[0]):
            place += 1
            continue
        onset = max(range(place, min(place + 12, count - 12)), key=steepness)
        rises.append(rise(1, onset) - rise(0, onset))
        place = onset + 40
    return float(np.mean(rises)) if rises else None


def clicks(samples):
    """Half milliseconds above 4 kHz that stand 25 dB over the median of the 16 ms around them, and over -50 dBFS."""
    return count_bursts(bursts(high_energy(samples)))


def clicks_of_its_own(before, after):
    """Clicks, counted from 20 dB on, that are also 10 dB over all that the original has within 10 ms.

    A low voice with a sharp source, a synthesiser's above all, has bursts that are no clicks: one each period.
    """
    own, loud = high_energy(after), high_energy(before)
    count = min(len(own), len(loud))
    around = maximum_filter(loud[:count], 41)
    return count_bursts(bursts(own, 100)[:count] & (own[:count] > 10 * around))


def high_energy(samples):
    """Energy above 4 kHz by half milliseconds."""
    high = filtered(samples, 6, 4000, "highpass")
    count = len(high) // 8
    return (high[: count * 8].reshape(count, 8) ** 2).mean(1) + 1e-10


def bursts(energy, times=300):
    return (energy > times * median_filter(energy, 33)) & (energy > 1e-5)


def count_bursts(stands_out):
    return int((np.diff(stands_out.astype(int)) == 1).sum())


def level_change(before, after, speech):
    """Change in dB of the speech frames' energy."""
    inside = speech_samples(speech, len(before))
    return float(10 * np.log10((after[inside] ** 2).mean() / (before[inside] ** 2).mean() + 1e-12))


def silence_change(before, after, speech):
    """Change in dB of the pauses' energy, 50 ms away from speech; None where the pauses are shorter than 0.1 s."""
    inside = speech_samples(speech, len(before)).astype(float)
    around = np.convolve(inside, np.ones(1601), "same") > 0.5
    if (~around).sum() <= RATE // 10:
        return None
    energies = [(samples[~around] ** 2).mean() + 1e-9 for samples in (after, before)]
    return float(10 * np.log10(energies[0] / energies[1]))


def deepest_dropout(before, after, speech):
    """The largest loss of level in dB, over 20 ms of clear speech, beside the usual change."""
    levels = [frame_levels(samples) for samples in (before, after)]
    count = min(len(speech), *map(len, levels))
    old, new = levels[0][:count], levels[1][:count]
    clear = speech[:count] & (old > np.percentile(old, 98) - 22)
    change = (new - old)[clear]
    return float(change.min() - np.median(change))


def unsteadiness(before, after, speech):
    """How far the changes of level over half seconds of speech lie apart, in dB."""
    inside = speech_samples(speech, len(before))
    changes = []
    for start in range(0, len(before) - RATE // 2 + 1, RATE // 8):
        part = slice(start, start + RATE // 2)
        if inside[part].mean() > 0.5:
            energies = [(samples[part][inside[part]] ** 2).mean() + 1e-12 for samples in (after, before)]
            changes.append(10 * np.log10(energies[0] / energies[1]))
    return float(np.max(changes) - np.min(changes)) if changes else float("nan")


def flat_tops(samples):
    """Percent of samples that lie at the signal's own highest value: what was cut off below full scale."""
    sizes = np.abs(samples)
    return 100 * float((sizes > 0.995 * sizes.max()).mean())


def clipped_share(samples):
    """Percent of samples at full scale."""
    return 100 * float((np.abs(samples) >= 0.9995).mean())


def speech_samples(speech, count):
    spread = np.repeat(speech, HOP)[:count]
    return np.concatenate([spread, np.zeros(count - len(spread), bool)])

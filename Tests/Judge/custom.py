"""Custom voices against their speakers: how far a conversion lies from what they themselves say in the same words."""
import os
import subprocess

import numpy as np
from scipy.stats import wasserstein_distance

import pitch
import spectrum
from sound import RATE, frame_levels, read, speech_frames

# Who is to sound like whom, and the presets that someone without a recording would choose from.
WOMEN, MEN = ["rachel", "bella", "clara"], ["adam", "felix", "oscar"]
PAIRS = {("kal", "slt"): WOMEN, ("slt", "rms"): MEN, ("kal", "awb"): MEN}
# Nothing of how voices are learned was chosen by these speakers.
UNSEEN_PAIRS = {("pc", "lp"): WOMEN, ("lj", "mv"): MEN, ("dita", "machac"): MEN, ("ph", "dita"): WOMEN}
ALL_PAIRS = {**PAIRS, **UNSEEN_PAIRS}
# Learned from the first half of the sentences, judged on the other half.
HELD_OUT = 6
ORDER, WARPING = 24, 0.42


def cepstra(samples, f0, speech):
    """24 mel cepstra of the frames with speech; the level is left out."""
    logs = spectrum.envelopes(samples, f0)[speech] * np.log(10) / 20
    angles = np.linspace(0, np.pi, spectrum.BINS)
    # The bilinear warping of 0.42 is near to the mel scale at 16 kHz.
    places = angles - 2 * np.arctan2(WARPING * np.sin(angles), 1 + WARPING * np.cos(angles))
    places = np.clip(places, 0, np.pi) * (spectrum.BINS - 1) / np.pi
    warped = np.stack([np.interp(places, np.arange(spectrum.BINS), row) for row in logs])
    basis = np.cos(np.arange(1, ORDER + 1)[:, None] * angles) * 2 / spectrum.BINS
    return warped @ basis.T


def distortion(one, other):
    """Mel-cepstral distortion in dB along the best path through time."""
    costs = np.sqrt(np.maximum(0, (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T))
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for row in range(rows):
        above, line = total[row].tolist(), [np.inf]
        for column, cost in enumerate(costs[row].tolist()):
            line.append(cost + min(above[column], above[column + 1], line[-1]))
        total[row + 1] = line
    row, column, path = rows, columns, []
    while row and column:
        path.append(costs[row - 1, column - 1])
        before = (total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])
        step = int(np.argmin(before))
        row, column = row - (step != 2), column - (step != 1)
    return float(10 / np.log(10) * np.sqrt(2) * np.mean(path))


def voice_name(source, target):
    return "judge-%s-%s" % (source, target)


def learn(binary, recordings, configuration, source, target):
    """Makes the voice from the first sentences of both speakers."""
    def first(speaker):
        return [str(path) for path in sorted((recordings / speaker).glob("*.wav"))[:HELD_OUT]]

    subprocess.run(
        [binary, "voices", "learn", voice_name(source, target), *first(target), "--source", *first(source),
         "--consent", "A synthesiser."],
        check=True, capture_output=True, env={**os.environ, "XDG_CONFIG_HOME": configuration})


def held_out(folder):
    return sorted(folder.glob("*.wav"))[HELD_OUT:]


class Speech:
    """What is compared: cepstra by sentence, the semitones and the mean spectrum of all of them."""

    def __init__(self, folder):
        self.cepstra, semitones, bands = [], [], []
        for path in held_out(folder):
            samples = read(path)
            f0 = pitch.harvest(samples)
            speech = speech_frames(frame_levels(samples))
            count = min(len(f0), len(speech))
            f0, speech = f0[:count], speech[:count]
            self.cepstra.append(cepstra(samples, f0, speech))
            semitones.append(12 * np.log2(f0[(f0 > 0) & speech] / 100))
            levels = spectrum.log_mel(samples)
            # A window of 25 ms starts where a frame has its middle.
            levels = levels[speech[2 : 2 + len(levels)].nonzero()[0]]
            bands.append(levels - levels.mean(1, keepdims=True))
        self.semitones, self.bands = np.concatenate(semitones), np.concatenate(bands).mean(0)

    def beside(self, goal):
        return {
            "cepstra": float(np.mean([distortion(mine, other) for mine, other in zip(self.cepstra, goal.cepstra)])),
            "pitch": float(wasserstein_distance(self.semitones, goal.semitones)),
            "spectrum": float(np.sqrt(((self.bands - goal.bands) ** 2).mean())),
        }


def figures(recordings, converted):
    """By pair and voice how far it lies from the target; `source` is the one who spoke, unconverted."""
    found = {}
    for (source, target), presets in ALL_PAIRS.items():
        goal = Speech(recordings / target)
        voices = {"source": recordings / source}
        for name in [voice_name(source, target), *presets]:
            voices[name] = converted / source / name
        found[source + " " + target] = {name: Speech(folder).beside(goal) for name, folder in voices.items()}
    return found

"""A custom voice against its speaker: how far a conversion lies from the speaker's own recording of the same words."""
import os
import subprocess

import numpy as np

import pitch
import spectrum
from sound import RATE, frame_levels, read, speech_frames

SOURCE, TARGET = "kal", "ked"
# Learned from the first half of the sentences, judged on the other half.
HELD_OUT = 6
PRESETS = ["adam", "felix", "oscar"]
ORDER, WARPING = 24, 0.42


def cepstra(samples):
    """24 mel cepstra of the frames with speech; the level is left out."""
    f0 = pitch.harvest(samples)
    logs = spectrum.envelopes(samples, f0)
    speech = speech_frames(frame_levels(samples))
    count = min(len(logs), len(speech))
    logs = logs[:count][speech[:count]] * np.log(10) / 20
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


def learn(binary, recordings, configuration, name):
    """Makes the voice from the first sentences of both speakers."""
    def first(speaker):
        return [str(path) for path in sorted((recordings / speaker).glob("*.wav"))[:HELD_OUT]]

    subprocess.run(
        [binary, "voices", "learn", name, *first(TARGET), "--source", *first(SOURCE), "--consent", "A synthesiser."],
        check=True, capture_output=True, env={**os.environ, "XDG_CONFIG_HOME": configuration})


def held_out(folder):
    return sorted(folder.glob("*.wav"))[HELD_OUT:]


def figures(recordings, converted, names):
    """Distortion against the target by voice; `source` is the one who spoke, unconverted."""
    goals = [cepstra(read(path)) for path in held_out(recordings / TARGET)]
    found = {}
    for name in ["source", *names]:
        folder = recordings / SOURCE if name == "source" else converted / name
        paths = held_out(folder)
        found[name] = float(np.mean([distortion(cepstra(read(path)), goal) for path, goal in zip(paths, goals)]))
    return found

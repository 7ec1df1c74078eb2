"""The spectral envelope of a conversion against that of its original: how far it is moved, and what error is left."""
import numpy as np

from sound import HOP, RATE, top

BINS = 513


def mel(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def hertz(mels):
    return 700 * (10 ** (mels / 2595) - 1)


# 150 to 4,800 Hz: above there is little of a voice's formants and much of its breath.
POINTS = hertz(np.linspace(mel(150), mel(4800), 80))


def envelopes(samples, f0):
    """Log envelope in dB by frame (CheapTrick), which the pitch leaves no trace in."""
    import pyworld

    times = np.arange(len(f0)) * HOP / RATE
    return 10 * np.log10(pyworld.cheaptrick(samples, f0, times, RATE, fft_size=1024) + 1e-14)


def moved(logs, factor):
    """Envelopes moved by a factor along frequency, on 80 mel points, without their mean level."""
    places = np.minimum(POINTS / round(float(factor), 4) / (RATE / 2 / (BINS - 1)), BINS - 1.001)
    below = places.astype(int)
    share = places - below
    shape = logs[:, below] * (1 - share) + logs[:, below + 1] * share
    return shape - shape.mean(1, keepdims=True)


def distance(one, other):
    """Mean over frames of the root mean square difference in dB."""
    return float(np.sqrt(((one - other) ** 2).mean(1)).mean())


def found_factor(before, after, factors=np.arange(0.5, 1.901, 0.01)):
    """By which factor the envelopes were moved: the one that leaves the smallest distance."""
    goal = moved(after, 1)
    costs = np.array([distance(moved(before, factor), goal) for factor in factors])
    return float(factors[0] + top(costs, lowest=True) * (factors[1] - factors[0]))


def _bank(count=40, lowest=100, highest=6000, size=512):
    edges = hertz(np.linspace(mel(lowest), mel(highest), count + 2))
    bins = np.arange(size // 2 + 1) * RATE / size
    rows = []
    for low, middle, high in zip(edges, edges[1:], edges[2:]):
        rows.append(np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None))
    return np.stack(rows)


BANK = _bank()


def log_mel(samples):
    """40 mel bands in dB every 5 ms, at most 50 dB below a frame's strongest."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 400)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(400), 512)) ** 2
    bands = 10 * np.log10(power @ BANK.T + 1e-7)
    return np.maximum(bands, bands.max(1, keepdims=True) - 50)


def log_mel_distance(reference, samples):
    """Distance in dB of two renderings that lie in step, where the reference speaks; a level between them is free."""
    one, other = log_mel(reference), log_mel(samples)
    count = min(len(one), len(other))
    loudness = one[:count].mean(1)
    difference = (one[:count] - other[:count])[loudness > loudness.max() - 35]
    return float(np.sqrt(((difference - difference.mean()) ** 2).mean(1)).mean())

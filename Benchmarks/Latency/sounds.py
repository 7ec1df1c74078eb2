"""What is played into the microphone, and how it is found again at the speaker."""
import numpy as np

RATE = 48_000
INTERVAL = 0.6
LATENCY_MAX = 0.5
CHIRP_SECONDS = 0.03
VOWEL_SECONDS = 0.16


def chirp():
    """A sweep from 500 to 6,000 Hz: within the band of 16 kHz, with one sharp peak in its own correlation."""
    time = np.arange(int(CHIRP_SECONDS * RATE)) / RATE
    sweep = (6_000 - 500) / CHIRP_SECONDS
    return 0.5 * np.hanning(len(time)) ** 0.5 * np.sin(2 * np.pi * (500 * time + sweep * time**2 / 2))


def vowel():
    """Voiced sound at 130 Hz that begins within a millisecond: what a converter takes for speech."""
    time = np.arange(int(VOWEL_SECONDS * RATE)) / RATE
    wave = np.zeros(len(time))
    for harmonic in range(1, 30):
        frequency = 130 * harmonic
        gain = sum(1 / (1 + ((frequency - centre) / 120) ** 2) for centre in (700, 1_200, 2_600))
        wave += gain * np.sin(2 * np.pi * frequency * time)
    edges = np.minimum(1, np.minimum(time / 0.001, (time[-1] - time) / 0.02))
    return 0.4 * wave * edges / np.abs(wave).max()


def track(sound, count, seed):
    """`count` times the sound, at times that are no multiple of any period."""
    random = np.random.default_rng(seed)
    track = np.zeros(int((count * INTERVAL + 1.2) * RATE), np.float32)
    for index in range(count):
        start = int((0.4 + index * INTERVAL + random.uniform(0, 0.05)) * RATE)
        track[start:start + len(sound)] += sound
    return track


def similarity(signal, sound):
    """The normalised correlation of the sound with the signal, at each place where it could begin."""
    size = 1 << int(len(signal) + len(sound) - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(signal, size) * np.conj(np.fft.rfft(sound, size)), size)
    energy = np.concatenate([[0.0], np.cumsum(signal.astype(float) ** 2)])
    count = len(signal) - len(sound) + 1
    window = energy[len(sound):] - energy[:count]
    return products[:count] / np.sqrt(np.maximum(window, 1e-3) * np.sum(sound**2))


def maxima(values, threshold, distance):
    """Places of the largest values above the threshold, none nearer to another than the distance."""
    places = []
    candidates = np.flatnonzero(values > threshold)
    for place in candidates[np.argsort(-values[candidates])]:
        if all(abs(place - other) > distance for other in places):
            places.append(int(place))
    return sorted(places)


def between(values, place):
    """The maximum's place between samples, by a parabola."""
    if not 0 < place < len(values) - 1:
        return float(place)
    left, middle, right = values[place - 1:place + 2]
    bend = left - 2 * middle + right
    return place + (0.5 * (left - right) / bend if bend < 0 else 0.0)


def onset(signal):
    """Where the level first reaches a tenth of its largest value, by the millisecond; None in silence."""
    power = np.convolve(signal.astype(float) ** 2, np.ones(RATE // 1_000) / (RATE / 1_000), "valid")
    if not len(power) or power.max() < 1e-5:
        return None
    return int(np.flatnonzero(power > power.max() * 0.01)[0])


def delays(microphone, speaker, sound, by_onset):
    """Delays in ms of each sound at the microphone that came out of the speaker; how many did not, or more than once.

    Both are of one recording, so a sample is the same moment in both.
    """
    heard = similarity(microphone, sound)
    starts = maxima(heard, 0.8, len(sound))
    found, lost, duplicated = [], 0, 0
    answers = None if by_onset else similarity(speaker, sound)
    for start in starts:
        end = start + int(LATENCY_MAX * RATE)
        if by_onset:
            here = onset(microphone[start:start + len(sound)])
            there = onset(speaker[start:end])
            if there is None:
                lost += 1
            else:
                found.append((there - here) / RATE * 1_000)
            continue
        places = maxima(answers[max(0, start - 48):end], 0.6, len(sound) // 2)
        if places:
            place = between(answers, max(0, start - 48) + places[0])
            found.append((place - start) / RATE * 1_000)
            duplicated += len(places) - 1
        else:
            lost += 1
    return len(starts), found, lost, duplicated

"""The formant spacing of a recording: how long the vocal tract sounds, by linear prediction."""
import numpy as np
from scipy.signal import resample_poly

from sound import HOP, RATE

ORDER, SIZE, LOWER_RATE = 12, 256, 11000
# Where F1 to F4 can be.
RANGES = np.array([(200, 1150), (600, 3000), (1400, 3900), (2500, 5200)]).T
PLACES = np.arange(4) + 0.5


def predictors(frames):
    """Predictor polynomials of windowed frames, by the autocorrelation method."""
    lags = np.stack([(frames[:, : SIZE - lag] * frames[:, lag:]).sum(1) for lag in range(ORDER + 1)], 1)
    lags[:, 0] *= 1.0001
    grid = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    found = np.linalg.solve(lags[:, grid], -lags[:, 1:, None])[:, :, 0]
    return np.concatenate([np.ones((len(found), 1)), found], 1)


def spacing(samples, voiced):
    """The median over voiced frames of the spacing that fits F1 to F4 best (Reby and McComb 2003), in Hz."""
    lower = resample_poly(samples, 11, 16)
    lower = np.concatenate([lower[:1], lower[1:] - 0.97 * lower[:-1]])
    middles = (np.flatnonzero(voiced) * HOP * LOWER_RATE // RATE).astype(int)
    middles = middles[(middles >= SIZE // 2) & (middles < len(lower) - SIZE // 2)]
    frames = np.stack([lower[middle - SIZE // 2 : middle + SIZE // 2] for middle in middles]) * np.hamming(SIZE)
    frames = frames[(frames**2).sum(1) > 0]
    found = []
    for polynomial in predictors(frames):
        roots = np.roots(polynomial)
        roots = roots[roots.imag > 0]
        hertz = np.angle(roots) * LOWER_RATE / (2 * np.pi)
        bandwidths = -2 * np.log(np.abs(roots)) * LOWER_RATE / (2 * np.pi)
        formants = np.sort(hertz[(bandwidths < 500) & (hertz > 150)])[:4]
        if len(formants) == 4 and ((formants > RANGES[0]) & (formants < RANGES[1])).all():
            found.append((formants * PLACES).sum() / (PLACES**2).sum())
    return float(np.median(found))

"""How alike two sounds are in what no picture of a mouth tells: for the audits. Pure.

An honest system can follow the envelope of speech; it cannot know the phase or the pitch of the
very recording. So sound that shares them was made from the recording.
"""

from dataclasses import astuple, dataclass
from functools import cache

import numpy as np
from scipy import fft, signal

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.dsp.mel import log_mel

MAX_LAG_SAMPLES = SAMPLE_RATE_HZ // 5
"""200 ms either way."""
_WINDOW = 1024
"""64 ms."""
_HOP = 256
_LOW_HZ, _HIGH_HZ = 190.0, 4000.0
_SHORTEST_QUEFRENCY_S = 2.5e-3
_FLOOR = 1e-4
"""Added to magnitudes before the logarithm: below it there is no speech to compare."""


@dataclass(frozen=True)
class Likeness:
    """How alike a sound is to the recording, each 1 where it is the same."""

    wave: float
    """The largest cross-correlation within 200 ms."""
    fine: float
    """Correlation of the fine structure: log spectra of 64 ms, 190 to 4,000 Hz, quefrencies over
    2.5 ms, which is where the pitch shows; the larger of that in place and at the wave's lag."""
    mel: float
    """Correlation of the log-mel spectrograms, each band less its mean."""

    def __sub__(self, other: "Likeness") -> "Likeness":
        """Return the excess over another likeness."""
        mine, its = astuple(self), astuple(other)
        return Likeness(*(one - two for one, two in zip(mine, its, strict=True)))


def likeness(recording: np.ndarray, sound: np.ndarray) -> Likeness:
    """Return how alike a sound is to a recording.

    Args:
        recording: int16 (N,), 16 kHz.
        sound: the same.
    """
    one, two = recording / 32768.0, sound / 32768.0
    wave, lag = _best_lag(one, two)
    moved = np.roll(two, lag)
    structure = _fine(one)
    fine = max(_correlation(structure, _fine(other)) for other in (two, moved))
    return Likeness(wave, fine, _correlation(_banded(one), _banded(two)))


def mean_likeness(found: list[Likeness]) -> Likeness:
    """Return the mean over clips; 0 where there is none."""
    if not found:
        return Likeness(0.0, 0.0, 0.0)
    return Likeness(*np.mean([astuple(one) for one in found], axis=0).tolist())


def _best_lag(one: np.ndarray, two: np.ndarray) -> tuple[float, int]:
    """Return the largest size of the cross-correlation, and by how much `two` is moved for it."""
    energy = np.sqrt(np.dot(one, one) * np.dot(two, two))
    if energy == 0:
        return 0.0, 0
    crossed = np.abs(signal.correlate(one, two, method="fft"))
    middle = len(two) - 1
    near = crossed[middle - MAX_LAG_SAMPLES : middle + MAX_LAG_SAMPLES + 1]
    best = int(np.argmax(near))
    return float(near[best] / energy), best - MAX_LAG_SAMPLES


def _fine(samples: np.ndarray) -> np.ndarray:
    """Return the cepstrum less its envelope, (frames, quefrencies)."""
    _, _, spectrum = signal.stft(
        samples, SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - _HOP, boundary=None
    )
    band = np.log(np.abs(spectrum[_bins()]).T + _FLOOR)
    cepstrum = fft.dct(band, axis=1, norm="ortho")
    bin_hz = SAMPLE_RATE_HZ / _WINDOW
    quefrency_s = np.arange(cepstrum.shape[1]) / (2 * band.shape[1] * bin_hz)
    # less its mean over time: hum and a microphone's own colour are in every recording
    kept = cepstrum[:, quefrency_s > _SHORTEST_QUEFRENCY_S]
    return kept - kept.mean(axis=0)


@cache
def _bins() -> np.ndarray:
    hz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE_HZ)
    return np.flatnonzero((hz >= _LOW_HZ) & (hz <= _HIGH_HZ))


def _banded(samples: np.ndarray) -> np.ndarray:
    mel = log_mel(samples)
    return mel - mel.mean(axis=0)


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Return Pearson's correlation of all values; 0 where one has none to follow."""
    first, second = one.ravel() - one.mean(), two.ravel() - two.mean()
    size = np.sqrt(np.dot(first, first) * np.dot(second, second))
    return float(np.dot(first, second) / size) if size > 0 else 0.0

"""Short-time objective intelligibility, `stoi` and `estoi`, by the package `pystoi`.

pystoi works at 10 kHz and resamples by itself. Signals that come at 10 kHz are taken as they
are, so resampling once with its own resampler serves both metrics and gives the same figures.
Its extended form adds noise at the level of rounding errors from numpy's global generator,
which decides the figure where a prediction is silent: seeded before, restored after.

Source: Taal et al. 2011, IEEE TASLP 19(7); Jensen and Taal 2016, IEEE/ACM TASLP 24(11).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pystoi
import pystoi.utils

from gridkit.corpus.records import SAMPLE_RATE_HZ

RATE_HZ = 10_000


def to_10khz(samples: np.ndarray) -> np.ndarray:
    """Return a 16 kHz signal at 10 kHz, resampled as pystoi does it."""
    return pystoi.utils.resample_oct(samples, RATE_HZ, SAMPLE_RATE_HZ)


def stoi(reference: np.ndarray, prediction: np.ndarray, *, extended: bool = False) -> float:
    """Return STOI, or extended STOI, of two signals at 10 kHz, float64 (N,)."""
    with _seeded():
        return float(pystoi.stoi(reference, prediction, RATE_HZ, extended=extended))


@contextmanager
def _seeded() -> Iterator[None]:
    state = np.random.get_state()  # pystoi draws from the global generator
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)

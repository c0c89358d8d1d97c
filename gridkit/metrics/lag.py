"""How late a prediction is against its reference, `lag_ms`, and the prediction moved back.

The mean over mel bands of Pearson's r of the log band powers, at shifts of -200 to 200 ms in
steps of 5 ms (a hop); then in steps of 1 ms within 4 ms of the best, the prediction moved by
whole samples. Only frames that lie wholly in both signals count. A constant band counts 0.
Ties within 1e-9 go to the smaller shift, then to the negative one.
"""

from collections.abc import Callable, Iterable

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.metrics.bands import HOP_SAMPLES, BandPowers, band_powers

SEARCH_MS = 200
HOP_MS = HOP_SAMPLES * 1000 // SAMPLE_RATE_HZ
POWER_FLOOR = 1e-4
TIE = 1e-9
CONSTANT = 1e-20
"""Variance of a log band power below which it is constant: only rounding errors are left."""
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000


def lag_ms(reference: BandPowers, predicted: BandPowers, prediction: np.ndarray) -> int:
    """Return the lag in ms; positive: the prediction is late.

    Args:
        reference: band powers of the reference, hop 80 samples.
        predicted: band powers of the prediction, hop 80 samples.
        prediction: float64 (N,), the prediction itself.
    """
    coarse_ms = coarse_lag_ms(reference, predicted)
    wanted = _log_bands(reference)

    def likeness(shift_ms: int) -> float:
        frames = _log_bands(band_powers(move(prediction, -shift_ms)))
        edge = -(-abs(shift_ms) // HOP_MS)
        inside = slice(edge, None) if shift_ms < 0 else slice(len(frames) - edge)
        return _mean_r(wanted[inside], frames[inside])

    return _best(range(coarse_ms - HOP_MS + 1, coarse_ms + HOP_MS), likeness)


def coarse_lag_ms(reference: BandPowers, prediction: BandPowers) -> int:
    """Return the lag in ms on the grid of 5 ms alone."""
    wanted, given = _log_bands(reference), _log_bands(prediction)

    def likeness(shift_ms: int) -> float:
        hops = shift_ms // HOP_MS
        if hops < 0:
            return _mean_r(wanted[-hops:], given[:hops])
        return _mean_r(wanted[: len(wanted) - hops], given[hops:])

    return _best(range(-SEARCH_MS, SEARCH_MS + 1, HOP_MS), likeness)


def move(samples: np.ndarray, shift_ms: int) -> np.ndarray:
    """Return a signal moved by whole ms, later where positive; zeros at the free end.

    >>> move(np.arange(1.0, 34.0), 2)[30:]
    array([0., 0., 1.])
    """
    shift = shift_ms * SAMPLES_PER_MS
    moved = np.zeros_like(samples)
    if shift >= 0:
        moved[shift:] = samples[: len(samples) - shift]
    else:
        moved[:shift] = samples[-shift:]
    return moved


def _best(shifts_ms: Iterable[int], likeness: Callable[[int], float]) -> int:
    found = {shift: likeness(shift) for shift in shifts_ms}
    limit = max(found.values()) - TIE
    return min((s for s, r in found.items() if r >= limit), key=lambda s: (abs(s), s))


def _log_bands(powers: BandPowers) -> np.ndarray:
    largest = powers.bands.max()
    # a signal without power in any band is constant in all
    return np.log(powers.bands + POWER_FLOOR * largest) if largest > 0 else powers.bands


def _mean_r(wanted: np.ndarray, given: np.ndarray) -> float:
    """Return the mean over bands of Pearson's r; a constant band counts 0."""
    wanted = wanted - wanted.mean(axis=0)
    given = given - given.mean(axis=0)
    products = (wanted * given).sum(axis=0)
    powers = np.square(wanted).sum(axis=0), np.square(given).sum(axis=0)
    varies = np.minimum(*powers) > CONSTANT * len(wanted)
    scale = np.sqrt(powers[0] * powers[1])
    return float(np.divide(products, scale, out=np.zeros_like(scale), where=varies).mean())

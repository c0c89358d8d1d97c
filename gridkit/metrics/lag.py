"""How late a prediction is against its reference, `lag_ms`, and the prediction moved back.

The mean over mel bands of Pearson's r of the log band powers, at shifts of -200 to 200 ms in
steps of 5 ms (a hop); then in steps of 1 ms within 4 ms of the best, the prediction moved by
whole samples (docs/protocol.md section 2). Only frames that lie wholly in both signals count. A
constant band counts 0.
Ties within 1e-9 go to the smaller shift, then to the negative one.

All 81 coarse shifts are first compared at once, by Fourier transforms and running sums, which
is 5 times quicker and right to about 1e-12; Pearson's r itself then decides among the shifts
that come near the best.
"""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.dsp.bands import FRAME_SAMPLES, HOP_SAMPLES, BandPowers, band_powers

SEARCH_MS = 200
HOP_MS = HOP_SAMPLES * 1000 // SAMPLE_RATE_HZ
POWER_FLOOR = 1e-4
TIE = 1e-9
CONSTANT = 1e-20
"""Variance of a log band power below which it is constant: only rounding errors are left."""
VARIES = 1e-6
"""Share of a band's variation that an overlap must hold for running sums to tell its r."""
NEAR = 1e-6
"""Far more than running sums are wrong by."""
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000


def lag_ms(reference: BandPowers, predicted: BandPowers, prediction: np.ndarray) -> int:
    """Return the lag in ms; positive: the prediction is late.

    Args:
        reference: band powers of the reference, hop 80 samples.
        predicted: band powers of the prediction, hop 80 samples.
        prediction: float64 (N,), the prediction itself.
    """
    coarse_ms = coarse_lag_ms(reference, predicted)
    wanted = _log_bands(reference.bands)
    moved = _moved_bands(prediction, abs(coarse_ms) + HOP_MS)

    def likeness(shift_ms: int) -> float:
        frames = _log_bands(moved(shift_ms))
        edge = -(-abs(shift_ms) // HOP_MS)
        inside = slice(edge, None) if shift_ms < 0 else slice(len(frames) - edge)
        return _mean_r(wanted[inside], frames[inside])

    return _best(range(coarse_ms - HOP_MS + 1, coarse_ms + HOP_MS), likeness)


def coarse_lag_ms(reference: BandPowers, prediction: BandPowers) -> int:
    """Return the lag in ms on the grid of 5 ms alone."""
    wanted, given = _log_bands(reference.bands), _log_bands(prediction.bands)

    def likeness(shift_ms: int) -> float:
        hops = shift_ms // HOP_MS
        if hops < 0:
            return _mean_r(wanted[-hops:], given[:hops])
        return _mean_r(wanted[: len(wanted) - hops], given[hops:])

    return _best(_near_best(wanted, given), likeness)


def likeness_of_bands(one: BandPowers, other: BandPowers) -> float:
    """Return the mean of Pearson's r over the bands that vary in either signal, neither moved.

    From -1 to 1, which is also where no band varies: a narrow telephone's empty bands say nothing.
    """
    first, second = _log_bands(one.bands), _log_bands(other.bands)
    varies = np.maximum(first.var(axis=0), second.var(axis=0)) > CONSTANT
    return _mean_r(first[:, varies], second[:, varies]) if varies.any() else 1.0


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


def _near_best(wanted: np.ndarray, given: np.ndarray) -> list[int]:
    """Return the coarse shifts whose likeness may be the best, in ms."""
    hops = np.arange(-SEARCH_MS // HOP_MS, SEARCH_MS // HOP_MS + 1)
    r = _r_at(hops, wanted - wanted.mean(axis=0), given - given.mean(axis=0))
    if r is None:
        return [int(shift) for shift in HOP_MS * hops]
    likeness = r.mean(axis=1)
    return [int(shift) for shift in HOP_MS * hops[likeness >= likeness.max() - NEAR]]


def _r_at(hops: np.ndarray, wanted: np.ndarray, given: np.ndarray) -> np.ndarray | None:
    """Return Pearson's r of each band at each shift, (shifts, bands).

    None where a band hardly varies in some overlap: running sums cannot tell its r.

    Args:
        hops: whole frames by which `given` is late, (shifts,).
        wanted: log band powers less their mean, (frames, bands).
        given: the same of the prediction.
    """
    frames = len(wanted)
    size = 2 * frames  # so that the ends do not meet
    spectra = np.conj(np.fft.rfft(wanted, size, axis=0)) * np.fft.rfft(given, size, axis=0)
    products = np.fft.irfft(spectra, size, axis=0)[hops]
    overlap = frames - np.abs(hops)
    first = np.maximum(-hops, 0)
    wanted_sum, wanted_power = _sums(wanted, first, overlap)
    given_sum, given_power = _sums(given, first + hops, overlap)
    counts = overlap[:, None]
    powers = wanted_power - wanted_sum**2 / counts, given_power - given_sum**2 / counts
    for varies, whole in zip(powers, (wanted_power, given_power), strict=True):
        if (varies <= VARIES * whole).any():
            return None
    return (products - wanted_sum * given_sum / counts) / np.sqrt(powers[0] * powers[1])


def _sums(bands: np.ndarray, first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of `count` frames from `first` on, and of their squares."""
    running = np.zeros((2, len(bands) + 1, bands.shape[1]))
    np.cumsum([bands, bands**2], axis=1, out=running[:, 1:])
    total, squares = running[:, first + count] - running[:, first]
    return total, squares


def _moved_bands(samples: np.ndarray, most_ms: int) -> Callable[[int], np.ndarray]:
    """Return what gives the band powers of `move(samples, -shift_ms)`, up to a largest shift.

    Shifts that differ by whole hops have their frames in common, so five analyses serve all.
    """
    edge = most_ms * SAMPLES_PER_MS
    padded = np.pad(samples, edge)
    frames = (len(samples) - FRAME_SAMPLES) // HOP_SAMPLES + 1

    @cache
    def analysed(offset_ms: int) -> np.ndarray:
        return band_powers(padded[offset_ms * SAMPLES_PER_MS :]).bands

    def moved(shift_ms: int) -> np.ndarray:
        hop, offset_ms = divmod(most_ms + shift_ms, HOP_MS)
        return analysed(offset_ms)[hop : hop + frames]

    return moved


def _best(shifts_ms: Iterable[int], likeness: Callable[[int], float]) -> int:
    found = {shift: likeness(shift) for shift in shifts_ms}
    limit = max(found.values()) - TIE
    return min((s for s, r in found.items() if r >= limit), key=lambda s: (abs(s), s))


def _log_bands(bands: np.ndarray) -> np.ndarray:
    largest = bands.max()
    # a signal without power in any band is constant in all
    return np.log(bands + POWER_FLOOR * largest) if largest > 0 else bands


def _mean_r(wanted: np.ndarray, given: np.ndarray) -> float:
    """Return the mean over bands of Pearson's r; a constant band counts 0."""
    wanted = wanted - wanted.mean(axis=0)
    given = given - given.mean(axis=0)
    products = (wanted * given).sum(axis=0)
    powers = np.square(wanted).sum(axis=0), np.square(given).sum(axis=0)
    varies = np.minimum(*powers) > CONSTANT * len(wanted)
    scale = np.sqrt(powers[0] * powers[1])
    return float(np.divide(products, scale, out=np.zeros_like(scale), where=varies).mean())

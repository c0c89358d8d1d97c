"""Mel-cepstral distance in dB, `mcd_db` (docs/protocol.md section 2).

The rms difference of the smoothed log spectra over the frames in which the reference sounds.
Level does not count; neither does c0. No time warping.

Frames whose power is at least 1e-4 of the loudest frame of the reference are kept. The band
powers of the prediction are scaled so that their sum over the kept frames is the reference's.
c = dct(ln(P + 1e-8 * largest band power of the reference), type 2) / 80, orders 1 to 12, and
d = (10 / ln 10) * sqrt(2 * sum (c_x - c_y)^2), mean over the kept frames.
"""

import numpy as np
import scipy.fft

from gridkit.dsp.bands import BANDS, BandPowers

QUIETEST_KEPT = 1e-4
POWER_FLOOR = 1e-8
ORDERS = slice(1, 13)


def mcd_db(reference: BandPowers, prediction: BandPowers) -> float:
    """Return the mel-cepstral distance of two signals in dB; hop 160 samples."""
    kept = reference.totals >= QUIETEST_KEPT * reference.totals.max()
    wanted, given = reference.bands[kept], prediction.bands[kept]
    total = given.sum()
    if total > 0:
        given = given * (wanted.sum() / total)
    floor = POWER_FLOOR * reference.bands.max()
    difference = _cepstra(wanted, floor) - _cepstra(given, floor)
    distances = 10 / np.log(10) * np.sqrt(2 * np.square(difference).sum(axis=1))
    return float(distances.mean())


def _cepstra(bands: np.ndarray, floor: float) -> np.ndarray:
    return scipy.fft.dct(np.log(bands + floor), type=2, norm=None)[:, ORDERS] / (2 * BANDS)

"""Perceptual evaluation of speech quality by the package `pesq`, as MOS-LQO and as raw MOS.

Papers print four different numbers under the name PESQ: the raw MOS of P.862 (`pypesq`),
narrow-band MOS-LQO of P.862.1 at 8 kHz, the same at 16 kHz, and wide-band MOS-LQO of P.862.2.
Here `pesq_nb` is P.862.1 at 8 kHz, `pesq_wb` P.862.2 at 16 kHz, `pesq_nb_raw` the raw MOS.

Source: ITU-T P.862, P.862.1, P.862.2.
"""

import numpy as np
import soxr
from pesq import pesq

from gridkit.corpus.records import SAMPLE_RATE_HZ

NARROW_HZ = 8000


def to_8khz(samples: np.ndarray) -> np.ndarray:
    """Return a 16 kHz signal at 8 kHz (soxr VHQ)."""
    return soxr.resample(samples, SAMPLE_RATE_HZ, NARROW_HZ, quality="VHQ")


def pesq_nb(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Return narrow-band MOS-LQO of two signals at 8 kHz, float64 (N,)."""
    return float(pesq(NARROW_HZ, reference, prediction, "nb"))


def pesq_wb(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Return wide-band MOS-LQO of two signals at 16 kHz, float64 (N,)."""
    return float(pesq(SAMPLE_RATE_HZ, reference, prediction, "wb"))


def raw_mos(lqo: float) -> float:
    """Return the raw MOS of P.862 behind a narrow-band MOS-LQO: P.862.1 inverted.

    P.862.1 maps raw r to 0.999 + 4 / (1 + exp(4.6607 - 1.4945 r)).

    >>> round(raw_mos(0.999 + 4 / (1 + np.exp(4.6607 - 1.4945 * 2.5))), 9)
    2.5
    """
    return float((4.6607 - np.log(4 / (lqo - 0.999) - 1)) / 1.4945)

"""Metrics of older protocols that `gridkit-1` does not have, mistakes included."""

import numpy as np
from pesq import pesq

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.metrics.metric import Metric
from gridkit.metrics.mfcc import mfcc
from gridkit.metrics.pair import Pair, Sound
from gridkit.metrics.stoi import stoi


def wrap_int16(samples: np.ndarray) -> np.ndarray:
    """Return round(x * 2^16) modulo 2^16 as signed 16 bits: loud samples change their sign.

    Full scale is 2^15, so every |x| >= 0.5 wraps. Through int64: the cast of a float that does
    not fit is undefined.

    >>> wrap_int16(np.array([0.25, 0.49, 0.51, -0.5, 1.0]))
    array([ 16384,  32113, -32113, -32768,      0], dtype=int16)
    """
    return np.rint(samples * 65536).astype(np.int64).astype(np.uint16).view(np.int16)


def _pesq_nb_16k(pair: Pair) -> float:
    return float(pesq(SAMPLE_RATE_HZ, pair.reference.samples, pair.prediction.samples, "nb"))


def _stoi_wrapped(pair: Pair) -> float:
    reference, prediction = (
        Sound(wrap_int16(sound.samples) / 32768) for sound in (pair.reference, pair.prediction)
    )
    return stoi(reference.at_10khz, prediction.at_10khz)


def _mfcc_distance(pair: Pair) -> float:
    difference = mfcc(pair.reference.samples) - mfcc(pair.prediction.samples)
    return float(np.sqrt(np.square(difference).sum(axis=1)).mean())


PESQ_NB_16K = Metric(
    "pesq_nb_16k",
    "up",
    1.0,
    score=_pesq_nb_16k,
    label="PESQ nb 16k",
    meaning="PESQ nb given 16 kHz sound, as some papers did.",
    decimals=2,
)
STOI_WRAPPED = Metric(
    "stoi_wrapped",
    "up",
    0.0,
    score=_stoi_wrapped,
    label="STOI wrapped",
    meaning="STOI of samples that overflow, as in a paper.",
)
MFCC_DISTANCE = Metric(
    "mfcc_distance",
    "down",
    None,
    score=_mfcc_distance,
    label="MFCC distance",
    meaning="Distance of unscaled MFCC, in no unit.",
    decimals=1,
)
OLDER_METRICS: tuple[Metric, ...] = (PESQ_NB_16K, STOI_WRAPPED, MFCC_DISTANCE)

"""Samples of a sound: their type and their number."""

import numpy as np


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Return float samples in [-1, 1] as int16, rounded and clipped, never wrapped."""
    return np.clip(np.rint(32768 * samples), -32768, 32767).astype(np.int16)


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Return samples cut or zero-padded at the end to exactly `length`."""
    if len(samples) >= length:
        return samples[:length]
    return np.pad(samples, (0, length - len(samples)))

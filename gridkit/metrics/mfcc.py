"""MFCC by the defaults of the package python_speech_features, for an older protocol's distance.

Pre-emphasis 0.97; frames of 25 ms every 10 ms, the last one zero-padded, no window; |rfft 512|^2
/ 512; 26 triangles from 0 to 8000 Hz whose corners lie on whole bins; orthonormal DCT of the
natural logarithm, 13 coefficients, lifter 22; coefficient 0 is the logarithm of the energy.
"""

from functools import cache

import numpy as np
import scipy.fft

from gridkit.corpus.records import SAMPLE_RATE_HZ

FRAME_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SIZE = 512
BANDS = 26
COEFFICIENTS = 13
LIFTER = 22
PRE_EMPHASIS = 0.97


def mfcc(samples: np.ndarray) -> np.ndarray:
    """Return 13 coefficients a frame, float64 (frames, 13), of a signal at 16 kHz."""
    emphasised = np.append(samples[:1], samples[1:] - PRE_EMPHASIS * samples[:-1])
    hops = -(-max(0, len(samples) - FRAME_SAMPLES) // HOP_SAMPLES)
    padded = np.pad(emphasised, (0, hops * HOP_SAMPLES + FRAME_SAMPLES - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES]
    power = np.square(np.abs(np.fft.rfft(frames, FFT_SIZE, axis=1))) / FFT_SIZE
    bands = power @ _triangles().T
    cepstra = scipy.fft.dct(np.log(_not_zero(bands)), type=2, norm="ortho")[:, :COEFFICIENTS]
    lift = 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    cepstra = cepstra * lift
    cepstra[:, 0] = np.log(_not_zero(power.sum(axis=1)))
    return cepstra


def _not_zero(power: np.ndarray) -> np.ndarray:
    return np.where(power == 0, np.finfo(float).eps, power)


@cache
def _triangles() -> np.ndarray:
    """Return the filters, (26, 257): rising and falling by whole bins, the peak bin 1."""
    top_mel = 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700)
    corners_hz = 700 * (10 ** (np.linspace(0, top_mel, BANDS + 2) / 2595) - 1)
    corners = np.floor((FFT_SIZE + 1) * corners_hz / SAMPLE_RATE_HZ)[:, None]
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    bins = np.arange(FFT_SIZE // 2 + 1)
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    return np.where(bins < centre, np.maximum(rising, 0.0), np.maximum(falling, 0.0))

"""Log-frequency bands: what stands here for an auditory spectrogram.

128 triangles, evenly spaced in log frequency from 80 to 7,600 Hz, 19 to the octave. Low ones are
as wide as a bin of the spectrum, since no shorter window tells more. Frames are those of
`gridkit.dsp.mel`: window 40 ms, hop 10 ms; the Fourier transform is as long as the window.
"""

from functools import cache

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.dsp.mel import WINDOW_SAMPLES

BANDS = 128
LOWEST_HZ, HIGHEST_HZ = 80.0, 7600.0
"""Centres of the first band and of the last."""
WIDTH_STEPS = 1.5
"""From the centre of a band to where it ends, in steps from band to band."""
FFT_SIZE = WINDOW_SAMPLES


@cache
def auditory_filters() -> np.ndarray:
    """Return the weights of the bins in each band, triangles of unit height, float64 (128, 321)."""
    bins_hz = np.arange(FFT_SIZE // 2 + 1) * SAMPLE_RATE_HZ / FFT_SIZE
    centres_hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS)[:, None]
    step = (HIGHEST_HZ / LOWEST_HZ) ** (1 / (BANDS - 1))
    widths_hz = np.maximum(centres_hz * (step**WIDTH_STEPS - 1), SAMPLE_RATE_HZ / FFT_SIZE)
    return np.maximum(0.0, 1 - np.abs(bins_hz - centres_hz) / widths_hz)

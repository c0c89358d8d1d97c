"""Mel band powers: the common ground of `mcd.py` and `lag.py`.

Frames of 400 samples (25 ms at 16 kHz) without padding, periodic Hann, |rfft 512|^2; 40
triangles of unit height, evaluated at the bin frequencies, with corners at 42 points evenly
spaced in 2595 log10(1 + f / 700) from 0 to 8000 Hz.

A hop of 160 samples is every second frame of a hop of 80, so one analysis serves both metrics.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ

FRAME_SAMPLES = 400
FFT_SIZE = 512
HOP_SAMPLES = 80
BANDS = 40
MEL_FACTOR, MEL_CORNER_HZ = 2595, 700
"""O'Shaughnessy's mel scale: 2595 log10(1 + f / 700)."""


@dataclass(frozen=True)
class BandPowers:
    """Power of each mel band in each frame; a hop of 80 samples."""

    bands: np.ndarray
    """float64 (frames, 40)."""
    totals: np.ndarray
    """float64 (frames,): the sum over all 257 bins of the spectrum."""

    def every(self, step: int) -> "BandPowers":
        """Return every `step`-th frame: the same analysis at `step` times the hop."""
        return BandPowers(self.bands[::step], self.totals[::step])


def band_powers(samples: np.ndarray) -> BandPowers:
    """Return the band powers of a signal.

    Args:
        samples: float64 (N,), 16 kHz, full scale 1.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.fft.rfft(frames * hann(FRAME_SAMPLES), FFT_SIZE, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    triangles = mel_triangles(BANDS, 0.0, SAMPLE_RATE_HZ / 2, FFT_SIZE)
    return BandPowers(power @ triangles.T, power.sum(axis=1))


@cache
def hann(length: int) -> np.ndarray:
    """Return the periodic Hann window, float64 (length,)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


@cache
def mel_triangles(bands: int, low_hz: float, high_hz: float, fft_size: int) -> np.ndarray:
    """Return triangles of unit height in mel, float64 (bands, fft_size // 2 + 1)."""
    corners_hz = mel_corners_hz(bands, low_hz, high_hz)
    bins_hz = np.arange(fft_size // 2 + 1) * SAMPLE_RATE_HZ / fft_size
    left, centre, right = (
        corners_hz[part, None] for part in (slice(-2), slice(1, -1), slice(2, None))
    )
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


def mel_corners_hz(bands: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return where bands evenly spaced in mel begin, are centred and end, float64 (bands + 2,)."""
    low_mel, high_mel = (MEL_FACTOR * np.log10(1 + hz / MEL_CORNER_HZ) for hz in (low_hz, high_hz))
    corners_mel = np.linspace(low_mel, high_mel, bands + 2)
    return MEL_CORNER_HZ * (10 ** (corners_mel / MEL_FACTOR) - 1)

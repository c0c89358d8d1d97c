"""Log-mel spectrograms: 80 bands from 40 to 7,600 Hz, window 40 ms, hop 10 ms, at 16 kHz.

Frames are centred, so a clip of 48,000 samples has 301. `gridkit.dsp.griffin_lim` is the way
back to sound.
"""

from functools import cache

import numpy as np

from gridkit.dsp.bands import hann, mel_corners_hz, mel_triangles

BANDS = 80
LOW_HZ, HIGH_HZ = 40.0, 7600.0
WINDOW_SAMPLES = 640
HOP_SAMPLES = 160
FFT_SIZE = 1024
FLOOR = 1e-5
"""Added to a band before the logarithm."""


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the log-mel spectrogram of a signal.

    Args:
        samples: float64 (N,), 16 kHz, full scale 1; N a multiple of 160.

    Returns:
        float64 (N / 160 + 1, 80), natural logarithm of magnitudes.
    """
    return np.log(np.abs(stft(samples)) @ mel_filters().T + FLOOR)


@cache
def mel_filters() -> np.ndarray:
    """Return the weights of the bins in each band, float64 (80, 513)."""
    return mel_triangles(BANDS, LOW_HZ, HIGH_HZ, FFT_SIZE)


@cache
def third_octaves() -> np.ndarray:
    """Return which mel bands each third of an octave is made of, float64 (80, 15) of 0 and 1.

    The 15 bands of STOI, centred on 150 Hz to 3.8 kHz: each has the mel bands whose centres lie in
    it, at least the nearest.
    """
    centres_hz = mel_corners_hz(BANDS, LOW_HZ, HIGH_HZ)[1:-1]
    octaves = np.log2(centres_hz[:, None] / 150.0) - np.arange(15) / 3
    nearest = np.abs(octaves) == np.abs(octaves).min(axis=0)
    return ((np.abs(octaves) <= 1 / 6) | nearest).astype(np.float64)


def stft(samples: np.ndarray) -> np.ndarray:
    """Return the spectrum of each frame, complex (N / 160 + 1, 513), of float64 (N,)."""
    padded = np.pad(samples, WINDOW_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    return np.fft.rfft(frames * hann(WINDOW_SAMPLES), FFT_SIZE, axis=1)

"""Log-mel spectrograms: 80 bands from 40 to 7,600 Hz, window 40 ms, hop 10 ms, at 16 kHz.

Frames are centred, so a clip of 48,000 samples has 301. `gridkit.dsp.griffin_lim` is the way
back to sound.
"""

from functools import cache

import numpy as np

from gridkit.dsp.bands import hann, mel_triangles

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


def stft(samples: np.ndarray) -> np.ndarray:
    """Return the spectrum of each frame, complex (N / 160 + 1, 513), of float64 (N,)."""
    padded = np.pad(samples, WINDOW_SAMPLES // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    return np.fft.rfft(frames * hann(WINDOW_SAMPLES), FFT_SIZE, axis=1)

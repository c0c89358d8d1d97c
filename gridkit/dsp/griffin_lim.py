"""Log-mel spectrograms, and back to sound by fast Griffin-Lim.

80 bands from 40 to 7,600 Hz, window 40 ms, hop 10 ms, at 16 kHz; frames are centred, so a clip
of 48,000 samples has 301. Bands are brought back to bins by the pseudo-inverse, negative values
cut; then 60 steps from random phase, seed 0.

Source: Griffin and Lim 1984, IEEE TASSP 32(2); Perraudin, Balazs and Sondergaard 2013 (the fast
form, momentum 0.99).
"""

from functools import cache

import numpy as np

from gridkit.dsp.bands import hann, mel_triangles

BANDS = 80
LOW_HZ, HIGH_HZ = 40.0, 7600.0
WINDOW_SAMPLES = 640
HOP_SAMPLES = 160
FFT_SIZE = 1024
STEPS = 60
MOMENTUM = 0.99
FLOOR = 1e-5
"""Added to a band before the logarithm."""

_OVERLAP = WINDOW_SAMPLES // HOP_SAMPLES
_EDGE = WINDOW_SAMPLES // 2


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the log-mel spectrogram of a signal.

    Args:
        samples: float64 (N,), 16 kHz, full scale 1; N a multiple of 160.

    Returns:
        float64 (N / 160 + 1, 80), natural logarithm of magnitudes.
    """
    return np.log(np.abs(_stft(samples)) @ _mel().T + FLOOR)


def sound_of(mel: np.ndarray) -> np.ndarray:
    """Return a sound with this log-mel spectrogram, float64 (samples,).

    Args:
        mel: as `log_mel` returns it, (frames, 80); the sound has (frames - 1) * 160 samples.
    """
    bands = np.maximum(np.exp(mel) - FLOOR, 0.0)
    magnitudes = np.maximum(bands @ np.linalg.pinv(_mel()).T, 0.0)
    turns = np.random.default_rng(0).random(magnitudes.shape)
    spectrum = magnitudes * np.exp(2j * np.pi * turns)
    before = np.zeros_like(spectrum)
    for step in range(STEPS):
        consistent = _stft(_inverse_stft(spectrum))
        ahead = consistent + MOMENTUM * (consistent - before) if step else consistent
        spectrum = magnitudes * ahead / np.maximum(np.abs(ahead), np.finfo(float).tiny)
        before = consistent
    return _inverse_stft(spectrum)[: (len(mel) - 1) * HOP_SAMPLES]


@cache
def _mel() -> np.ndarray:
    return mel_triangles(BANDS, LOW_HZ, HIGH_HZ, FFT_SIZE)


def _stft(samples: np.ndarray) -> np.ndarray:
    padded = np.pad(samples, _EDGE)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES]
    return np.fft.rfft(frames * hann(WINDOW_SAMPLES), FFT_SIZE, axis=1)


def _inverse_stft(spectrum: np.ndarray) -> np.ndarray:
    """Return the signal whose `_stft` is nearest in the least-squares sense."""
    window = hann(WINDOW_SAMPLES)
    frames = np.fft.irfft(spectrum, FFT_SIZE, axis=1)[:, :WINDOW_SAMPLES] * window
    weights = np.broadcast_to(window**2, frames.shape)
    # no window reaches the very first sample, which the edge cuts off
    total = np.maximum(_overlap_add(weights), np.finfo(float).tiny)
    return (_overlap_add(frames) / total)[_EDGE:-_EDGE]


def _overlap_add(frames: np.ndarray) -> np.ndarray:
    hops = np.zeros((len(frames) + _OVERLAP - 1, HOP_SAMPLES))
    for part in range(_OVERLAP):
        columns = slice(part * HOP_SAMPLES, (part + 1) * HOP_SAMPLES)
        hops[part : part + len(frames)] += frames[:, columns]
    return hops.reshape(-1)

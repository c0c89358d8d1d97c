"""From a log-mel spectrogram (`gridkit.dsp.mel`) back to sound, by fast Griffin-Lim.

Bands are brought back to bins by the pseudo-inverse, negative values cut; then 60 steps from
random phase, seed 0.

Source: Griffin and Lim 1984, IEEE TASSP 32(2); Perraudin, Balazs and Sondergaard 2013 (the fast
form, momentum 0.99).
"""

from functools import cache

import numpy as np

from gridkit.dsp.bands import hann
from gridkit.dsp.mel import FFT_SIZE, FLOOR, HOP_SAMPLES, WINDOW_SAMPLES, mel_filters, stft

STEPS = 60
MOMENTUM = 0.99

_OVERLAP = WINDOW_SAMPLES // HOP_SAMPLES
_EDGE = WINDOW_SAMPLES // 2


def sound_of(mel: np.ndarray) -> np.ndarray:
    """Return a sound with this log-mel spectrogram, float64 (samples,).

    Args:
        mel: as `gridkit.dsp.mel.log_mel` returns it, (frames, 80); the sound has
            (frames - 1) * 160 samples.
    """
    bands = np.maximum(np.exp(mel) - FLOOR, 0.0)
    magnitudes = np.maximum(bands @ np.linalg.pinv(mel_filters()).T, 0.0)
    turns = np.random.default_rng(0).random(magnitudes.shape)
    spectrum = magnitudes * np.exp(2j * np.pi * turns)
    before = np.zeros_like(spectrum)
    for step in range(STEPS):
        consistent = stft(_inverse_stft(spectrum))
        ahead = consistent + MOMENTUM * (consistent - before) if step else consistent
        # by the reciprocal, which is real: complex numbers are slow to divide
        spectrum = magnitudes * ahead * (1 / np.maximum(np.abs(ahead), np.finfo(float).tiny))
        before = consistent
    return _inverse_stft(spectrum)[: (len(mel) - 1) * HOP_SAMPLES]


def _inverse_stft(spectrum: np.ndarray) -> np.ndarray:
    """Return the signal whose `stft` is nearest in the least-squares sense."""
    window = hann(WINDOW_SAMPLES)
    frames = np.fft.irfft(spectrum, FFT_SIZE, axis=1)[:, :WINDOW_SAMPLES] * window
    return (_overlap_add(frames) / _window_weights(len(frames)))[_EDGE:-_EDGE]


@cache
def _window_weights(frames: int) -> np.ndarray:
    """Return what the squares of overlapping windows add up to at each sample."""
    weights = np.broadcast_to(hann(WINDOW_SAMPLES) ** 2, (frames, WINDOW_SAMPLES))
    # no window reaches the very first sample, which the edge cuts off
    return np.maximum(_overlap_add(weights), np.finfo(float).tiny)


def _overlap_add(frames: np.ndarray) -> np.ndarray:
    hops = np.zeros((len(frames) + _OVERLAP - 1, HOP_SAMPLES))
    for part in range(_OVERLAP):
        columns = slice(part * HOP_SAMPLES, (part + 1) * HOP_SAMPLES)
        hops[part : part + len(frames)] += frames[:, columns]
    return hops.reshape(-1)

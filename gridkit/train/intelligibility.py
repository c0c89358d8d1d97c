"""Extended STOI as a loss: what `gridkit.metrics.stoi` measures, of sound, with a gradient.

Not to the last digit: sound is resampled by its Fourier transform, and frames of the reference
that are too quiet are left out before segments are made, where pystoi joins the loud ones to a
new signal.

Source: Jensen and Taal 2016, IEEE/ACM TASLP 24(11).
"""

from functools import cache

import numpy as np
import torch

RATE_HZ = 10_000
FRAME_SAMPLES, HOP_SAMPLES, FFT_SIZE = 256, 128, 512
BANDS, LOWEST_HZ = 15, 150.0
"""Thirds of an octave, and the centre of the first."""
SEGMENT_FRAMES = 30
LOUD_DB = 40.0
"""Frames that are further below the loudest of the reference do not count."""
QUIET = 1e-4
"""Added to norms: the noise of GRID's recordings varies by more."""


def estoi_loss(said: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return 1 minus extended STOI, as the mean over clips.

    A clip with less than a segment (384 ms) of loud frames counts as one that is not understood.

    Args:
        said: 16 kHz, float (B, N), N a multiple of 16.
        true: the same.
    """
    bands, of_said = third_octaves(said), []
    true_frames = _frames(true)
    power_db = 10 * torch.log10(true_frames.square().sum(-1) + 1e-12)
    loud = power_db > power_db.amax(1, keepdim=True) - LOUD_DB
    true_bands = _bands(true_frames)
    for clip, counts in enumerate(loud):
        if int(counts.sum()) < SEGMENT_FRAMES:
            of_said.append(0.0 * said[clip].sum())
            continue
        a, b = (
            normalised_segments(envelopes[clip][counts], SEGMENT_FRAMES, 1, QUIET)
            for envelopes in (bands, true_bands)
        )
        of_said.append((a * b).sum() / (len(a) * SEGMENT_FRAMES))
    return 1 - torch.stack(of_said).mean()


def third_octaves(sound: torch.Tensor) -> torch.Tensor:
    """Return the envelopes of bands of sound (B, N) at 16 kHz: (B, frames, 15)."""
    return _bands(_frames(sound))


def normalised_segments(
    envelopes: torch.Tensor, frames: int, step: int, quiet: float
) -> torch.Tensor:
    """Return segments of envelopes, normalised over time, then each frame over bands.

    Args:
        envelopes: (..., T, bands).
        frames: of a segment.
        step: frames from one segment to the next.
        quiet: added to norms; what varies by less is flat.

    Returns:
        (..., segments, bands, frames).
    """
    rows = envelopes.unfold(-2, frames, step)
    rows = rows - rows.mean(-1, keepdim=True)
    rows = rows / (torch.linalg.vector_norm(rows, dim=-1, keepdim=True) + quiet)
    columns = rows - rows.mean(-2, keepdim=True)
    return columns / (torch.linalg.vector_norm(columns, dim=-2, keepdim=True) + quiet)


@cache
def band_bins() -> np.ndarray:
    """Return which bins of a frame's spectrum each band is made of, float32 (257, 15) of 0, 1."""
    bins_hz = np.linspace(0, RATE_HZ / 2, FFT_SIZE // 2 + 1)
    edges_hz = LOWEST_HZ * 2 ** ((2 * np.arange(BANDS + 1) - 1) / 6)
    edges = np.abs(bins_hz[:, None] - edges_hz).argmin(0)
    bins = np.arange(len(bins_hz))[:, None]
    return ((edges[:-1] <= bins) & (bins < edges[1:])).astype(np.float32)


def _frames(sound: torch.Tensor) -> torch.Tensor:
    """Return windowed frames of sound at 16 kHz, taken at 10 kHz, (B, frames, 256)."""
    samples = sound.shape[-1] * 5 // 8
    spectrum = torch.fft.rfft(sound)[..., : samples // 2 + 1]
    slow = torch.fft.irfft(spectrum, n=samples) * (5 / 8)
    window = torch.hann_window(FRAME_SAMPLES + 2, periodic=False, device=sound.device)[1:-1]
    return slow.unfold(-1, FRAME_SAMPLES, HOP_SAMPLES) * window


def _bands(frames: torch.Tensor) -> torch.Tensor:
    power = torch.fft.rfft(frames, FFT_SIZE).abs().square()
    bins = torch.from_numpy(band_bins()).to(power)
    return (power @ bins + 1e-10).sqrt()

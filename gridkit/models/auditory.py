"""The log-frequency spectrogram of `gridkit.dsp.auditory` in torch, and back to sound.

Magnitudes are raised to the power 0.3, as loudness is.
"""

import torch
from torch import nn

from gridkit.dsp.auditory import FFT_SIZE, auditory_filters
from gridkit.dsp.mel import HOP_SAMPLES, WINDOW_SAMPLES
from gridkit.models.spectrum import spectrum

POWER = 0.3
BIN_STEPS = 10
"""From bands to bins: more make nothing better, and one step of the pseudo-inverse is worse where
bands contradict each other, as predicted ones do."""
PHASE_STEPS = 16
"""Of Griffin-Lim: more make true spectrograms better, and predicted ones hardly."""
MOMENTUM = 0.99


class AuditorySpectrogram(nn.Module):
    """Sound to loudness in 128 bands, a frame every 10 ms."""

    window: torch.Tensor
    filters: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        filters = torch.from_numpy(auditory_filters()).float().T.contiguous()
        self.register_buffer("window", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Map samples (B, N), N a multiple of 160, to (B, N / 160, 128).

        Frame k is centred on sample 160 k; that on the end of the sound is left out.
        """
        with torch.autocast(samples.device.type, enabled=False):
            frames = samples.shape[1] // HOP_SAMPLES
            bins = spectrum(samples.float(), self.window, FFT_SIZE, HOP_SAMPLES)[..., :frames]
            return (bins.abs().transpose(1, 2) @ self.filters).pow(POWER)


class AuditoryInverse(nn.Module):
    """Loudness in 128 bands to sound: magnitudes of bins, then phases by fast Griffin-Lim."""

    window: torch.Tensor
    filters: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        filters = torch.from_numpy(auditory_filters()).float()
        self.register_buffer("window", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, loudness: torch.Tensor) -> torch.Tensor:
        """Map the spectrograms of `AuditorySpectrogram`, (B, T, 128), to sound (B, 160 T)."""
        with torch.autocast(loudness.device.type, enabled=False):
            bands = loudness.float().clamp(min=0).pow(1 / POWER)
            # the frame on the end of the sound is not in the spectrogram: the last stands for it
            bins = bins_of(torch.cat([bands, bands[:, -1:]], 1), self.filters)
            return griffin_lim(bins.transpose(1, 2), self.window)


def bins_of(bands: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Return magnitudes of bins, none below 0, that come near these bands.

    Args:
        bands: magnitudes, (B, T, 128).
        filters: (128, 321).

    Returns:
        (B, T, 321); 0 where no band reaches.

    Source: Lee and Seung 2001, "Algorithms for non-negative matrix factorization", NIPS 13.
    """
    tiny = 1e-9
    spread = bands @ filters
    bins = spread / filters.sum(0).square().clamp(min=tiny)
    for _ in range(BIN_STEPS):
        bins = bins * spread / (bins @ filters.T @ filters + tiny)
    return bins


def griffin_lim(magnitudes: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Return sound with these magnitudes of its spectrum.

    The first phases are random and always the same.

    Args:
        magnitudes: (B, 321, T + 1).
        window: of the frames, (640,).

    Returns:
        (B, 160 T).

    Source: Griffin and Lim 1984, IEEE TASSP 32(2); Perraudin, Balazs and Sondergaard 2013 (the
    fast form, momentum 0.99).
    """
    # one draw for all clips, so that a clip sounds the same whatever its batch
    generator = torch.Generator().manual_seed(0)
    turns = torch.rand(magnitudes.shape[1:], generator=generator).to(magnitudes.device)
    bins = magnitudes * torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
    before = None
    for _ in range(PHASE_STEPS):
        consistent = spectrum(_sound(bins, window), window, FFT_SIZE, HOP_SAMPLES)
        ahead = consistent
        if before is not None:
            ahead = torch.lerp(before, consistent, 1 + MOMENTUM)
        bins = ahead.sgn() * magnitudes
        before = consistent
    return _sound(bins, window)


def _sound(bins: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    length = HOP_SAMPLES * (bins.shape[-1] - 1)
    return torch.istft(bins, FFT_SIZE, HOP_SAMPLES, WINDOW_SAMPLES, window, length=length)

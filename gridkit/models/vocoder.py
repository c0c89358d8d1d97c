"""A small neural vocoder: log-mel spectrogram to sound by one inverse Fourier transform.

Blocks at the rate of the spectrogram say the magnitude and phase of each bin, and the inverse
short-time Fourier transform makes sound of them, so that no frame meets another at a hard edge.

Source: Siuzdak 2023, "Vocos", arXiv:2306.00814; here much smaller.
"""

import torch
from torch import nn

from gridkit.dsp.mel import BANDS, HOP_SAMPLES, WINDOW_SAMPLES
from gridkit.models.convnext import KERNEL, ConvNeXt

LOUDEST = 1e2
"""Of a bin's magnitude: a network that is not yet trained says any number."""


class Vocoder(nn.Module):
    """Log-mel spectrogram (gridkit.models.mel) to sound.

    Args:
        channels: of each block.
        blocks: how many.
    """

    window: torch.Tensor

    def __init__(self, channels: int, blocks: int):
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.first = nn.Conv1d(BANDS, channels, KERNEL, padding=KERNEL // 2)
        self.norm = nn.LayerNorm(channels)
        self.blocks = ConvNeXt(channels, blocks)
        self.head = nn.Linear(channels, 2 * (WINDOW_SAMPLES // 2 + 1))

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Map a log-mel spectrogram (B, T, 80) to sound (B, 160 T)."""
        # the frame on the end of the sound is not in the spectrogram: the last one stands for it
        bands = torch.cat([log_mel, log_mel[:, -1:]], 1)
        first = self.first(bands.transpose(1, 2)).transpose(1, 2)
        features = self.blocks(self.norm(first))
        with torch.autocast(log_mel.device.type, enabled=False):
            said = self.head(features.float())
            level, phase = said.transpose(1, 2).chunk(2, 1)
            spectrum = torch.polar(level.exp().clamp(max=LOUDEST), phase)
            return torch.istft(
                spectrum,
                WINDOW_SAMPLES,
                HOP_SAMPLES,
                window=self.window,
                length=HOP_SAMPLES * log_mel.shape[1],
            )

"""Frames to sound by way of a log-mel spectrogram and a vocoder.

Source: none; the parts are those that video-to-speech systems of 2021 to 2025 have in common.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from gridkit.models.acoustic import AcousticModel, AcousticSettings
from gridkit.models.vocoder import Vocoder


@dataclass(frozen=True)
class V2SMelSettings(AcousticSettings):
    """What makes one model differ from another."""

    vocoder_channels: int = 160
    vocoder_blocks: int = 4

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from super().mistakes()
        if min(self.vocoder_channels, self.vocoder_blocks) < 1:
            yield "vocoder_channels and vocoder_blocks are at least 1"


class V2SMel(nn.Module):
    """Frames of a mouth to sound."""

    def __init__(self, settings: V2SMelSettings | None = None):
        super().__init__()
        self.settings = settings = settings or V2SMelSettings()
        self.acoustic = AcousticModel(settings)
        self.vocoder = Vocoder(settings.vocoder_channels, settings.vocoder_blocks)

    def forward(self, frames: torch.Tensor, *, mirror: bool = False) -> torch.Tensor:
        """Map frames to sound.

        Args:
            frames: uint8, or float 0 to 255, (B, T, H, W, C).
            mirror: whether the spectrogram is the mean of a clip's and its mirror image's.

        Returns:
            (B, 640 T), -1 to 1.
        """
        log_mel = self.acoustic(frames).log_mel
        if mirror:
            log_mel = (log_mel + self.acoustic(frames.flip(3)).log_mel) / 2
        return self.vocoder(log_mel).clamp(-1, 1)

"""Frames to sound by way of a log-mel spectrogram and a vocoder.

A lipreader (lipnet.py) says of each frame what it looks like, what it may mean, and which of
GRID's words is being said. All three go to the decoder: words and their times alone make speech
that is understood but does not fit the picture, and features alone make speech that mumbles. The
decoder says the spectrogram, four frames of it per video frame, and the vocoder says the sound.

Source: none; the parts are those that video-to-speech systems of 2021 to 2025 have in common.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from gridkit.corpus.records import RATE_FPS, SAMPLE_RATE_HZ
from gridkit.dsp.mel import BANDS, HOP_SAMPLES
from gridkit.models.alphabet import WORD_CLASSES
from gridkit.models.convnext import ConvNeXt
from gridkit.models.heads import Output
from gridkit.models.lipnet import LipNet, LipNetSettings
from gridkit.models.vocoder import Vocoder

FRAMES_PER_PICTURE = SAMPLE_RATE_HZ // HOP_SAMPLES // RATE_FPS
"""Frames of the spectrogram per video frame: 4."""


@dataclass(frozen=True)
class V2SMelSettings:
    """What makes one model differ from another; the lipreader's settings first."""

    height_px: int = 36
    width_px: int = 72
    colours: int = 1
    mean: tuple[float, ...] = (0.5,)
    deviation: tuple[float, ...] = (0.25,)
    channels: tuple[int, ...] = (16, 32, 64)
    spatial_dropout: float = 0.1
    bottleneck: int = 128
    hidden: int = 128
    recurrent_dropout: float = 0.3
    decoder_channels: int = 192
    decoder_blocks: int = 4
    vocoder_channels: int = 160
    vocoder_blocks: int = 4

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from self.lipreader.mistakes()
        if self.bottleneck < 1:
            yield "bottleneck is at least 1"
        for name in ("decoder_channels", "decoder_blocks", "vocoder_channels", "vocoder_blocks"):
            if getattr(self, name) < 1:
                yield f"{name} is at least 1"

    @property
    def lipreader(self) -> LipNetSettings:
        """Of the part that is a lipreader: `recipes/lipnet-s1`, with a bottleneck."""
        return LipNetSettings(
            height_px=self.height_px,
            width_px=self.width_px,
            colours=self.colours,
            mean=self.mean,
            deviation=self.deviation,
            channels=self.channels,
            kernels=((3, 5, 5), (3, 3, 3), (3, 3, 3)),
            pooled=(True, True, False),
            batch_norm=True,
            spatial_dropout=self.spatial_dropout,
            bottleneck=self.bottleneck,
            hidden=self.hidden,
            recurrent_dropout=self.recurrent_dropout,
            word_feedback=True,
        )


class Spoken(NamedTuple):
    """What the acoustic part says of frames."""

    log_mel: torch.Tensor
    """(B, 4 T, 80)."""
    output: Output
    """Of the lipreader."""


class AcousticModel(nn.Module):
    """Frames to a log-mel spectrogram."""

    mel_mean: torch.Tensor
    mel_deviation: torch.Tensor

    def __init__(self, settings: V2SMelSettings):
        super().__init__()
        channels = settings.decoder_channels
        self.lipreader = LipNet(settings.lipreader)
        self.first = nn.Linear(settings.bottleneck + 2 * settings.hidden + WORD_CLASSES, channels)
        self.widen = nn.Linear(channels, FRAMES_PER_PICTURE * channels)
        self.blocks = ConvNeXt(channels, settings.decoder_blocks)
        self.head = nn.Linear(channels, BANDS)
        # of each band over the training clips; saved with the weights
        self.register_buffer("mel_mean", torch.zeros(BANDS))
        self.register_buffer("mel_deviation", torch.ones(BANDS))

    def forward(self, frames: torch.Tensor) -> Spoken:
        """Map frames (B, T, H, W, C), 0 to 255, to what is said."""
        features = self.lipreader.features(frames)
        hidden, output = self.lipreader.encode(features)
        words = output.words.softmax(-1)
        seen = torch.cat([features.to(hidden.dtype), hidden, words], -1)
        wide = self.widen(nn.functional.gelu(self.first(seen)))
        standardised = self.head(
            self.blocks(wide.unflatten(-1, (FRAMES_PER_PICTURE, -1)).flatten(1, 2))
        )
        return Spoken(standardised.float() * self.mel_deviation + self.mel_mean, output)


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

"""What every video-to-speech model here has in common: frames to features of speech, every 10 ms.

A lipreader (lipnet.py) says of each frame what it looks like, what it may mean, and which of
GRID's words is being said. All three go on: words and their times alone make speech that is
understood but does not fit the picture, and what a frame looks like alone makes speech that
mumbles. A head says the log-mel spectrogram of the features, as the result or as a help in
training.
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

FRAMES_PER_PICTURE = SAMPLE_RATE_HZ // HOP_SAMPLES // RATE_FPS
"""Frames of the spectrogram per video frame: 4."""


@dataclass(frozen=True)
class AcousticSettings:
    """What makes one acoustic model differ from another; the lipreader's settings first."""

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

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        if len(self.channels) != len(_KERNELS):
            yield f"channels has {len(_KERNELS)} entries"
        else:
            yield from self.lipreader.mistakes()
        for name in ("bottleneck", "decoder_channels", "decoder_blocks"):
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
            kernels=_KERNELS,
            pooled=(True, True, False),
            batch_norm=True,
            spatial_dropout=self.spatial_dropout,
            bottleneck=self.bottleneck,
            hidden=self.hidden,
            recurrent_dropout=self.recurrent_dropout,
            word_feedback=True,
        )


_KERNELS = ((3, 5, 5), (3, 3, 3), (3, 3, 3))


class Spoken(NamedTuple):
    """What an acoustic model says of frames."""

    features: torch.Tensor
    """(B, 4 T, decoder_channels)."""
    log_mel: torch.Tensor
    """(B, 4 T, 80)."""
    output: Output
    """Of the lipreader."""


class AcousticModel(nn.Module):
    """Frames to features of speech and a log-mel spectrogram."""

    mel_mean: torch.Tensor
    mel_deviation: torch.Tensor

    def __init__(self, settings: AcousticSettings):
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
        seen = self.lipreader.features(frames)
        hidden, output = self.lipreader.encode(seen)
        words = output.words.softmax(-1)
        joined = torch.cat([seen.to(hidden.dtype), hidden, words], -1)
        wide = self.widen(nn.functional.gelu(self.first(joined)))
        features = self.blocks(wide.unflatten(-1, (FRAMES_PER_PICTURE, -1)).flatten(1, 2))
        log_mel = self.head(features).float() * self.mel_deviation + self.mel_mean
        return Spoken(features, log_mel, output)

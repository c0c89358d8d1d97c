"""Lip2AudSpec: frames to the code of an autoencoder of spectrograms, and that to sound.

After Akbari, Arora, Cao and Mesgarani 2017, "Lip2AudSpec: Speech reconstruction from silent lip
movements video", arXiv:1710.09798. From the paper: an autoencoder that squeezes each frame of an
auditory spectrogram into 32 numbers, with noise on them; the frames with their first and second
difference over time; seven 3 x 3 x 3 convolutions, an LSTM and dense layers that say the code of
each 10 ms; the autoencoder's decoder, and phases found by iteration.

Ours, which the paper has not:

- The auditory spectrogram is that of `gridkit.dsp.auditory`, log-frequency bands, without the
  lateral inhibition of the paper's model of the ear, which is hard to undo. Bands are standardised.
- Frames of the mouth, not of the face; smaller, so with fewer channels and pools, of which the
  first is a stride; standardised by a mean and a deviation, not by each frame's extremes.
- Convolutions and LSTM run over the clip as a whole, not over windows of 5 frames, so no windows
  are joined; the LSTM has two layers and reads in both directions.
- Heads (heads.py) say words and characters. They are a help in training, and the words that are
  recognised go on to the second LSTM layer and to the code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import nn

from gridkit.dsp.auditory import BANDS
from gridkit.models.acoustic import FRAMES_PER_PICTURE
from gridkit.models.alphabet import WORD_CLASSES
from gridkit.models.auditory import AuditoryInverse
from gridkit.models.heads import Bidirectional, Heads, Output, WordFeedback, read

CODE = 32
"""Numbers per frame of the spectrogram, 0 to 1."""
AUTOENCODER_UNITS = (BANDS, 512, 128, 64, CODE)
CODE_NOISE = 0.05
"""Deviation of the noise on codes while the autoencoder learns."""
POOLED = (True, True, False, False, True, False, False)
"""Whether 1 x 2 x 2 max-pooling follows each convolution; the first one has a stride, too."""
SLOPE = 0.1
"""Of the leaky ReLU below 0."""


@dataclass(frozen=True)
class Lip2AudSpecSettings:
    """What makes one model differ from another."""

    height_px: int = 36
    width_px: int = 72
    colours: int = 1
    mean: tuple[float, ...] = (0.5,)
    """Of each colour over the training clips, 0 to 1."""
    deviation: tuple[float, ...] = (0.25,)
    channels: tuple[int, ...] = (16, 32, 32, 48, 48, 64, 96)
    """Output channels of each convolution."""
    spatial_dropout: float = 0.1
    """Share of channels dropped after each second convolution."""
    seen: int = 192
    """Units of a dense layer between the convolutions and the LSTM."""
    hidden: int = 160
    """Units of the LSTM, per layer and direction."""
    dropout: float = 0.3
    """Share of features dropped after each layer of the LSTM, and of the dense layer."""
    dense: int = 512
    """Units of the layer in front of the code."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        if len(self.channels) != len(POOLED) or min(self.channels, default=0) < 1:
            yield f"channels has {len(POOLED)} entries of at least 1"
        if not len(self.mean) == len(self.deviation) == self.colours:
            yield f"mean and deviation have one entry for each of {self.colours} colours"
        if min(self.seen, self.hidden, self.dense) < 1:
            yield "seen, hidden and dense are at least 1"
        if min(_reduced(self.height_px), _reduced(self.width_px)) < 1:
            yield "height_px and width_px are at least 16"


class Lip2AudSpec(nn.Module):
    """Frames of a mouth to sound."""

    def __init__(self, settings: Lip2AudSpecSettings | None = None):
        super().__init__()
        self.settings = settings = settings or Lip2AudSpecSettings()
        self.reader = CodeReader(settings)
        self.autoencoder = Autoencoder()
        self.inverse = AuditoryInverse()

    def forward(self, frames: torch.Tensor, *, mirror: bool = False) -> torch.Tensor:
        """Map frames to sound.

        Args:
            frames: uint8, or float 0 to 255, (B, T, H, W, C).
            mirror: whether the spectrogram is the mean of a clip's and its mirror image's.

        Returns:
            (B, 640 T), -1 to 1.
        """
        if mirror:
            # together: on a CPU two clips take half as long as one alone (torch 2.13)
            both = self.loudness(torch.cat([frames, frames.flip(3)])).chunk(2)
            loudness = (both[0] + both[1]) / 2
        else:
            loudness = self.loudness(frames)
        return self.inverse(loudness).clamp(-1, 1)

    def loudness(self, frames: torch.Tensor) -> torch.Tensor:
        """Map frames to the spectrogram of `gridkit.models.auditory`, (B, 4 T, 128)."""
        return self.autoencoder.restore(self.autoencoder.decoder(self.reader(frames).codes))


class Read(NamedTuple):
    """What is read from frames."""

    codes: torch.Tensor
    """(B, 4 T, 32), 0 to 1."""
    output: Output
    """Characters and words."""


class CodeReader(nn.Module):
    """Frames to the code of the spectrogram, and to words."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, settings: Lip2AudSpecSettings):
        super().__init__()
        # not saved with the weights: they are settings
        self.register_buffer("mean", torch.tensor(settings.mean), persistent=False)
        self.register_buffer("deviation", torch.tensor(settings.deviation), persistent=False)
        self.front = nn.Sequential(*_convolutions(settings))
        size = prod(map(_reduced, (settings.height_px, settings.width_px)))
        width = 2 * settings.hidden
        self.seen = nn.Linear(settings.channels[-1] * size, settings.seen)
        self.recurrent = Bidirectional(settings.seen, settings.hidden, 2, "lstm", settings.dropout)
        self.heads, self.feedback = Heads(width), WordFeedback(width)
        self.dense = nn.Linear(settings.seen + width + WORD_CLASSES, settings.dense)
        self.dropout = nn.Dropout(settings.dropout)
        self.code = nn.Linear(settings.dense, FRAMES_PER_PICTURE * CODE)

    def forward(self, frames: torch.Tensor) -> Read:
        """Read frames (B, T, H, W, C), 0 to 255."""
        pixels = (frames.float() / 255 - self.mean) / self.deviation
        # the memory of (B, T, H, W, C) is that of a channels-last (B, C, T, H, W)
        volume = self.front(with_differences(pixels).permute(0, 4, 1, 2, 3))
        if volume.requires_grad:
            # its gradient comes with the channels first, and would go through layer after layer so
            volume.register_hook(_channels_last)
        seen = self.seen(volume.transpose(1, 2).flatten(2))
        hidden, output = read(seen, self.recurrent, self.heads, self.feedback)
        words = output.words.softmax(-1)
        joined = torch.cat([seen.to(hidden.dtype), hidden, words], -1)
        dense = self.dropout(nn.functional.leaky_relu(self.dense(joined), SLOPE))
        codes = torch.sigmoid(self.code(dense).float())
        return Read(codes.reshape(len(codes), -1, CODE), output)


class Autoencoder(nn.Module):
    """Frames of a spectrogram to codes and back."""

    band_mean: torch.Tensor
    band_deviation: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _dense_layers(AUTOENCODER_UNITS)
        self.decoder = _dense_layers(AUTOENCODER_UNITS[::-1])
        # of each band over the training clips; saved with the weights
        self.register_buffer("band_mean", torch.zeros(BANDS))
        self.register_buffer("band_deviation", torch.ones(BANDS))

    def standard(self, loudness: torch.Tensor) -> torch.Tensor:
        """Standardise the bands of spectrograms (..., 128)."""
        return (loudness - self.band_mean) / self.band_deviation

    def restore(self, standard: torch.Tensor) -> torch.Tensor:
        """Undo `standard`."""
        return standard * self.band_deviation + self.band_mean

    def encode(self, standard: torch.Tensor) -> torch.Tensor:
        """Map standardised frames (..., 128) to codes (..., 32), 0 to 1."""
        return torch.sigmoid(self.encoder(standard))

    def forward(self, standard: torch.Tensor) -> torch.Tensor:
        """Map standardised frames (..., 128) to codes and back; with noise while it learns."""
        codes = self.encode(standard)
        if self.training:
            codes = codes + CODE_NOISE * torch.randn_like(codes)
        restored: torch.Tensor = self.decoder(codes)
        return restored


def with_differences(pixels: torch.Tensor) -> torch.Tensor:
    """Add first and second difference over time, 0 at the start: (B, T, H, W, C) to 3 C colours."""
    first = torch.diff(pixels, dim=1, prepend=pixels[:, :1])
    second = torch.diff(first, dim=1, prepend=first[:, :1])
    return torch.cat([pixels, first, second], -1)


def _convolutions(settings: Lip2AudSpecSettings) -> Iterator[nn.Module]:
    sizes = pairwise((3 * settings.colours, *settings.channels))
    for index, ((inputs, outputs), pooled) in enumerate(zip(sizes, POOLED, strict=True)):
        stride = (1, 2, 2) if index == 0 else 1
        convolution = nn.Conv3d(inputs, outputs, 3, stride, padding=1)
        nn.init.kaiming_normal_(convolution.weight, SLOPE)
        yield convolution
        yield nn.BatchNorm3d(outputs)
        # the same numbers in either order, and pooled there are fewer
        if pooled:
            yield nn.MaxPool3d((1, 2, 2))
        yield nn.LeakyReLU(SLOPE, inplace=True)
        if index % 2 == 0:
            yield nn.Dropout3d(settings.spatial_dropout)


def _channels_last(volume: torch.Tensor) -> torch.Tensor:
    return volume.contiguous(memory_format=torch.channels_last_3d)


def _reduced(size_px: int) -> int:
    """Return the height or width that is left of one after the convolutions."""
    return ((size_px + 1) // 2) // 2 ** sum(POOLED)


def _dense_layers(units: tuple[int, ...]) -> nn.Sequential:
    """Return dense layers with leaky ReLUs between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(units):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers[:-1])

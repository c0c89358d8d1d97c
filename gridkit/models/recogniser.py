"""Recognisers of GRID speech: log-mel, convolutions, a bidirectional recurrent layer, CTC.

Sound is mono at 16 kHz, (B, N); the log-mel is computed inside, so that a loss can be taken
through it. Each band's mean over the clip is subtracted: level and channel do not count. Two
front ends, so that a judge shares neither architecture nor weights with a recogniser whose
features a system was trained on: `2d` convolves over time and bands, `1d` over time alone, with
residual blocks that reach further and further.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log10

import torch
from torch import nn
from torch.nn import functional

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.dsp.bands import MEL_CORNER_HZ, MEL_FACTOR
from gridkit.models.heads import (
    Bidirectional,
    Encoded,
    Heads,
    Output,
    WordFeedback,
    read,
    recurrent_mistakes,
)
from gridkit.models.spectrum import spectrum

WINDOW_SAMPLES = 400
HOP_SAMPLES = 160
FFT_SIZE = 512
LOWEST_HZ = 40.0
HIGHEST_HZ = 7600.0
LOWEST_MEL, HIGHEST_MEL = (
    MEL_FACTOR * log10(1 + hz / MEL_CORNER_HZ) for hz in (LOWEST_HZ, HIGHEST_HZ)
)
POWER_FLOOR = 1e-6
"""Added to band powers: below the noise of GRID's quietest clips."""
STRIDE = 2
FRAMES_PER_SECOND = SAMPLE_RATE_HZ / HOP_SAMPLES / STRIDE
"""Of the output: 50, a frame of 20 ms."""


@dataclass(frozen=True)
class RecogniserSettings:
    """What makes one recogniser differ from another."""

    bands: int = 64
    front: str = "2d"
    """`2d` or `1d`."""
    channels: tuple[int, ...] = (24, 32, 32)
    """Of each 2-D convolution; for `1d` of each residual block, all the same."""
    recurrent: str = "gru"
    """`gru` or `lstm`."""
    hidden: int = 128
    """Units per direction of each recurrent layer."""
    recurrent_layers: int = 2
    dropout: float = 0.3
    warp: float = 0.0
    """In training, frequencies are stretched or squeezed by up to this share: as by a shorter or
    longer throat."""
    mask_bands: int = 10
    """In training, up to so many neighbouring bands are silenced, twice per clip."""
    mask_frames: int = 20
    """In training, up to so many 10 ms frames are silenced, twice per clip."""
    word_feedback: bool = False
    """Whether the last recurrent layer gets the words that the others recognise (heads.py)."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from recurrent_mistakes(
            self.recurrent, self.hidden, self.recurrent_layers, word_feedback=self.word_feedback
        )
        if min(self.channels, default=0) < 1:
            yield "channels are at least 1"
        if self.front not in FRONTS:
            yield f"no front {self.front!r}; it is one of {', '.join(FRONTS)}"
        if self.front == "1d" and len(set(self.channels)) > 1:
            yield "the channels of a 1d front are all the same"


class LogMel(nn.Module):
    """Log power in mel bands, the mean of each band over the clip taken off."""

    window: torch.Tensor
    filters: torch.Tensor

    def __init__(self, bands: int):
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.register_buffer("filters", mel_filters(bands), persistent=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Map samples (B, N), -1 to 1, to (B, N // 160, bands)."""
        with torch.autocast(samples.device.type, enabled=False):
            bins = spectrum(samples.float(), self.window, FFT_SIZE, HOP_SAMPLES)
            frames = samples.shape[1] // HOP_SAMPLES
            power = bins[..., :frames].abs().square().transpose(1, 2) @ self.filters
            level = torch.log(power + POWER_FLOOR)
            return (level - level.mean(1, keepdim=True)) / 2


class Recogniser(nn.Module):
    """Speech to characters."""

    def __init__(self, settings: RecogniserSettings | None = None):
        super().__init__()
        self.settings = settings = settings or RecogniserSettings()
        self.log_mel = LogMel(settings.bands)
        self.front = FRONTS[settings.front](settings)
        self.recurrent = Bidirectional(
            self.front.features,
            settings.hidden,
            settings.recurrent_layers,
            settings.recurrent,
            settings.dropout,
        )
        self.heads = Heads(2 * settings.hidden)
        self.feedback = WordFeedback(2 * settings.hidden) if settings.word_feedback else None

    def features(self, samples: torch.Tensor) -> torch.Tensor:
        """Return what the convolutions make of sound (B, N): (B, N // 320, F)."""
        bands = self.log_mel(samples)
        if self.training:
            bands = warp(bands, self.settings.warp)
            bands = mask(bands, self.settings.mask_frames, self.settings.mask_bands)
        return self.front(bands)

    def forward(self, samples: torch.Tensor) -> Output:
        """Recognise a batch.

        Args:
            samples: float, -1 to 1, 16 kHz, (B, N).
        """
        return self.encode(self.features(samples)).output

    def encode(self, features: torch.Tensor) -> Encoded:
        """Read what the convolutions made of sound, (B, T, F) of `features`."""
        return read(features, self.recurrent, self.heads, self.feedback)


class _Front2d(nn.Module):
    """Convolutions over time and bands; each halves the bands, the first halves the frames."""

    def __init__(self, settings: RecogniserSettings):
        super().__init__()
        layers: list[nn.Module] = []
        inputs, bands = 1, settings.bands
        for index, outputs in enumerate(settings.channels):
            stride = (STRIDE if index == 0 else 1, 2)
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, padding=1),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
                nn.Dropout2d(settings.dropout / 3),
            ]
            inputs, bands = outputs, (bands + 1) // 2
        self.layers = nn.Sequential(*layers)
        self.features: int = inputs * bands

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        frames = bands.shape[1] // STRIDE
        return self.layers(bands[:, None])[:, :, :frames].transpose(1, 2).flatten(2)


class _Front1d(nn.Module):
    """Convolutions over time: one that halves the frames, then residual blocks, dilated."""

    def __init__(self, settings: RecogniserSettings):
        super().__init__()
        self.features: int = settings.channels[0]
        self.first = nn.Conv1d(settings.bands, self.features, 5, STRIDE, padding=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(channels),
                nn.ReLU(),
                nn.Conv1d(channels, channels, 3, padding=2**index, dilation=2**index),
                nn.Dropout1d(settings.dropout / 3),
            )
            for index, channels in enumerate(settings.channels)
        )

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        frames = bands.shape[1] // STRIDE
        features = self.first(bands.transpose(1, 2))[..., :frames]
        for block in self.blocks:
            features = features + block(features)
        return functional.relu(features).transpose(1, 2)


FRONTS: dict[str, type[_Front2d] | type[_Front1d]] = {"2d": _Front2d, "1d": _Front1d}


def mel_filters(bands: int) -> torch.Tensor:
    """Return triangles of unit height, evenly spaced in mel, as (257, bands)."""
    corners_hz = to_hz(torch.linspace(LOWEST_MEL, HIGHEST_MEL, bands + 2))
    bins_hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, FFT_SIZE // 2 + 1)[:, None]
    left, centre, right = corners_hz[:-2], corners_hz[1:-1], corners_hz[2:]
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0)


def to_hz(mel: torch.Tensor) -> torch.Tensor:
    """Return the frequencies of places on O'Shaughnessy's mel scale."""
    return MEL_CORNER_HZ * (10 ** (mel / MEL_FACTOR) - 1)


def to_mel(hz: torch.Tensor) -> torch.Tensor:
    """Return the places of frequencies on O'Shaughnessy's mel scale."""
    return MEL_FACTOR * torch.log10(1 + hz / MEL_CORNER_HZ)


def warp(bands: torch.Tensor, share: float) -> torch.Tensor:
    """Stretch or squeeze the frequencies of each clip by a random factor.

    Args:
        bands: (B, T, bands) of `LogMel`.
        share: by how much at most, 0 to 1; 0 changes nothing.

    Source: Jaitly and Hinton 2013, "Vocal Tract Length Perturbation (VTLP) improves speech
    recognition", ICML workshop; here by one factor over all frequencies.
    """
    if not share:
        return bands
    count = bands.shape[2]
    factors = 1 + share * (2 * torch.rand(len(bands), 1, device=bands.device) - 1)
    width = (HIGHEST_MEL - LOWEST_MEL) / (count + 1)
    centres = LOWEST_MEL + width * torch.arange(1, count + 1, device=bands.device)
    # what a band gets comes from here, in bands
    places = ((to_mel(to_hz(centres) * factors) - LOWEST_MEL) / width - 1).clamp(0, count - 1)
    below = places.floor().long().clamp(max=count - 2)
    above_share = (places - below)[:, None]
    lower, upper = (
        bands.gather(2, index[:, None].expand_as(bands)) for index in (below, below + 1)
    )
    return torch.lerp(lower, upper, above_share)


def mask(bands: torch.Tensor, longest_frames: int, widest_bands: int) -> torch.Tensor:
    """Set two random runs of frames and two of bands of each clip to the mean, 0.

    Source: Park et al. 2019, "SpecAugment", arXiv:1904.08779.
    """
    for axis, longest in ((1, longest_frames), (2, widest_bands)):
        size = bands.shape[axis]
        for _ in range(2):
            length = torch.rand(len(bands), device=bands.device) * longest
            start = torch.rand(len(bands), device=bands.device) * (size - length)
            place = torch.arange(size, device=bands.device)
            inside = (place >= start[:, None]) & (place < (start + length)[:, None])
            bands = bands.masked_fill(inside.unsqueeze(3 - axis), 0.0)
    return bands

"""LipNet: space-time convolutions, two bidirectional recurrent layers, characters by CTC.

Frames are uint8, (B, T, H, W, C), as they are decoded; the model standardises each colour by
the mean and deviation in its settings. Its output is one distribution per video frame.

`LipNetSettings()` is the paper's model, `LSTM` the variant of the popular single-speaker
tutorial, `COMPACT` a small gray one that trains on a CPU. The word head is an addition (heads.py).

Source: Assael et al. 2016, "LipNet", arXiv:1611.01599.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from gridkit.models.heads import (
    Bidirectional,
    Encoded,
    Heads,
    Output,
    WordFeedback,
    read,
    recurrent_mistakes,
)

FRAMES_PER_SECOND = 25.0
"""Of the output: one distribution per video frame."""


@dataclass(frozen=True)
class LipNetSettings:
    """What makes one LipNet differ from another."""

    height_px: int = 50
    width_px: int = 100
    colours: int = 3
    """3 for RGB, 1 for gray."""
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    """Of each colour over the training clips, 0 to 1."""
    deviation: tuple[float, ...] = (0.25, 0.25, 0.25)
    channels: tuple[int, ...] = (32, 64, 96)
    """Output channels of each convolution."""
    kernels: tuple[tuple[int, int, int], ...] = ((3, 5, 5), (3, 5, 5), (3, 3, 3))
    """Time, height, width of each convolution; odd."""
    pooled: tuple[bool, ...] = (True, True, True)
    """Whether 1 x 2 x 2 max-pooling follows each convolution."""
    batch_norm: bool = False
    spatial_dropout: float = 0.5
    """Share of channels dropped after each convolution."""
    bottleneck: int = 0
    """Units of a linear layer between the convolutions and the recurrent layers; 0 for none."""
    recurrent: str = "gru"
    """`gru` or `lstm`."""
    hidden: int = 256
    """Units per direction of each recurrent layer."""
    recurrent_layers: int = 2
    recurrent_dropout: float = 0.0
    """Share of features dropped after each recurrent layer."""
    word_feedback: bool = False
    """Whether the last recurrent layer gets the words that the others recognise (heads.py)."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from recurrent_mistakes(
            self.recurrent, self.hidden, self.recurrent_layers, word_feedback=self.word_feedback
        )
        if min(self.channels, default=0) < 1:
            yield "channels are at least 1"
        if self.bottleneck < 0:
            yield "bottleneck is at least 0"
        if not len(self.kernels) == len(self.pooled) == len(self.channels):
            yield "channels, kernels and pooled have one entry for each convolution"
        if not len(self.mean) == len(self.deviation) == self.colours:
            yield f"mean and deviation have one entry for each of {self.colours} colours"


LSTM = LipNetSettings(
    colours=1,
    mean=(0.5,),
    deviation=(0.25,),
    kernels=((3, 3, 3), (3, 3, 3), (3, 3, 3)),
    spatial_dropout=0.0,
    recurrent="lstm",
    hidden=128,
    recurrent_dropout=0.5,
)
COMPACT = LipNetSettings(
    height_px=36,
    width_px=72,
    colours=1,
    mean=(0.5,),
    deviation=(0.25,),
    channels=(16, 32, 64),
    kernels=((3, 5, 5), (3, 3, 3), (3, 3, 3)),
    pooled=(True, True, False),
    batch_norm=True,
    spatial_dropout=0.1,
    hidden=128,
    recurrent_dropout=0.3,
)


class LipNet(nn.Module):
    """Frames of a mouth to characters."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, settings: LipNetSettings | None = None):
        super().__init__()
        self.settings = settings = settings or LipNetSettings()
        # not saved with the weights: they are settings
        self.register_buffer("mean", torch.tensor(settings.mean), persistent=False)
        self.register_buffer("deviation", torch.tensor(settings.deviation), persistent=False)
        self.front = nn.Sequential(*_convolutions(settings))
        features = _features(self.front, settings)
        self.bottleneck = nn.Linear(features, settings.bottleneck) if settings.bottleneck else None
        self.recurrent = Bidirectional(
            settings.bottleneck or features,
            settings.hidden,
            settings.recurrent_layers,
            settings.recurrent,
            settings.recurrent_dropout,
        )
        self.heads = Heads(2 * settings.hidden)
        self.feedback = WordFeedback(2 * settings.hidden) if settings.word_feedback else None

    def forward(self, frames: torch.Tensor) -> Output:
        """Read a batch of clips.

        Args:
            frames: uint8, or float 0 to 255, (B, T, H, W, C).
        """
        return self.encode(self.features(frames)).output

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        """Return what the convolutions, and the bottleneck, make of frames: (B, T, F)."""
        pixels = (frames.float() / 255 - self.mean) / self.deviation
        if len(pixels) == 1 and pixels.device.type == "cpu" and not torch.is_grad_enabled():
            volume = _front_of_one(self.front, pixels[0].permute(0, 3, 1, 2))[None]
        else:
            # the memory of (B, T, H, W, C) is that of a channels-last (B, C, T, H, W)
            volume = self.front(pixels.permute(0, 4, 1, 2, 3)).transpose(1, 2)
            if volume.requires_grad:
                # its gradient comes with the channels first, and would go through each layer so
                volume.register_hook(_channels_last)
        features = volume.flatten(2)
        return features if self.bottleneck is None else self.bottleneck(features)

    def encode(self, features: torch.Tensor) -> Encoded:
        """Read features (B, T, F) of `features`."""
        return read(features, self.recurrent, self.heads, self.feedback)


def _convolutions(settings: LipNetSettings) -> list[nn.Module]:
    layers: list[nn.Module] = []
    sizes = pairwise((settings.colours, *settings.channels))
    for index, ((inputs, outputs), kernel, pooled) in enumerate(
        zip(sizes, settings.kernels, settings.pooled, strict=True)
    ):
        depth, height, width = kernel
        convolution = nn.Conv3d(
            inputs,
            outputs,
            kernel,
            stride=(1, 2, 2) if index == 0 else 1,
            padding=(depth // 2, height // 2, width // 2),
        )
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers.append(convolution)
        if settings.batch_norm:
            layers.append(nn.BatchNorm3d(outputs))
        # the same numbers in either order, and pooled there are fewer
        if pooled:
            layers.append(nn.MaxPool3d((1, 2, 2)))
        layers.append(nn.ReLU(inplace=True))
        layers.append(nn.Dropout3d(settings.spatial_dropout))
    return layers


def _front_of_one(front: nn.Sequential, frames: torch.Tensor) -> torch.Tensor:
    """Return what the convolutions make of one clip, without a gradient.

    Each convolution is one over height and width, of a frame with those around it as further
    channels. On a CPU torch's convolutions over time take four times as long for one clip alone as
    for each of eight (torch 2.13).

    Args:
        front: layers of `_convolutions`.
        frames: (T, C, H, W).

    Returns:
        (T, channels, height, width).
    """
    for layer in front:
        if isinstance(layer, nn.Conv3d):
            depth, count = layer.kernel_size[0], len(frames)
            padded = functional.pad(frames, (0, 0, 0, 0, 0, 0, *2 * (depth // 2,)))
            around = torch.cat([padded[first : first + count] for first in range(depth)], 1)
            weight = layer.weight.transpose(1, 2).flatten(1, 2)
            stride, padding = layer.stride[1:], tuple(size // 2 for size in layer.kernel_size[1:])
            frames = functional.conv2d(around, weight, layer.bias, stride, padding)
        elif isinstance(layer, nn.MaxPool3d):
            frames = functional.max_pool2d(frames, 2)
        elif isinstance(layer, nn.BatchNorm3d):
            # it wants five dimensions
            frames = layer(frames.transpose(0, 1)[None])[0].transpose(0, 1)
        else:
            frames = layer(frames)
    return frames


def _channels_last(gradient: torch.Tensor) -> torch.Tensor:
    """Return a gradient (B, T, C, H, W) in the memory of a channels-last (B, C, T, H, W)."""
    volume = gradient.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
    return volume.transpose(1, 2)


def _features(front: nn.Sequential, settings: LipNetSettings) -> int:
    """Return how many features a frame has after the convolutions."""
    one_frame = torch.zeros(1, settings.colours, 1, settings.height_px, settings.width_px)
    with torch.no_grad():
        count = front.eval()(one_frame).numel()
    front.train()
    return count

"""ConvNeXt blocks over time.

Source: Liu et al. 2022, arXiv:2201.03545; over time as in Siuzdak 2023, arXiv:2306.00814.
"""

import torch
from torch import nn

KERNEL = 7


class ConvNeXtBlock(nn.Module):
    """A depthwise convolution over time, then two layers per frame, added to what came in.

    Args:
        channels: of what comes in and goes out.
        inner: units between the two layers.
        scale: of what is added, at first.
    """

    def __init__(self, channels: int, inner: int, scale: float):
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, inner)
        self.narrow = nn.Linear(inner, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (B, T, channels) to the same shape."""
        near = self.depthwise(features.transpose(1, 2)).transpose(1, 2)
        inner = nn.functional.gelu(self.widen(self.norm(near)))
        return features + self.scale * self.narrow(inner)


class ConvNeXt(nn.Sequential):
    """Blocks one after the other, then a last norm; inner layers are three times as wide."""

    def __init__(self, channels: int, blocks: int):
        layers = [ConvNeXtBlock(channels, 3 * channels, 1 / blocks) for _ in range(blocks)]
        super().__init__(*layers, nn.LayerNorm(channels))

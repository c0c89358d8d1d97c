"""Frames straight to the waveform, learnt against a critic that listens to it.

The generator is an acoustic model (acoustic.py) and transposed convolutions over time, from its
features every 10 ms up to samples. They run over the clip as a whole, so no frame is joined to
another, and kernels are twice their strides, so no sample is reached by more than its neighbours.
The critic hears a second of sound and says how real it is; it is needed in training alone.

After Vougioukas et al. 2019, "Video-Driven Speech Reconstruction using Generative Adversarial
Networks", arXiv:1906.06301, whose code was never released. From the paper: content encoder, GRU,
a decoder of transposed convolutions, a Wasserstein critic with gradient penalty on the waveform,
a perceptual loss by a pretrained speech encoder, reconstruction and total variation. Ours: 16 kHz
for its 50, a content encoder that is a pretrained lipreader and says words, a decoder over the
whole clip for windows that overlap, and a spectrogram as a help in training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import nn
from torch.nn import functional

from gridkit.dsp.mel import HOP_SAMPLES
from gridkit.models.acoustic import AcousticModel, AcousticSettings

STRIDES = (5, 4, 4, 2)
"""Of the decoder, from a frame of features to its 160 samples."""
LAST_KERNEL = 25
SLOPE = 0.2
"""Of the leaky ReLU below 0."""
CRITIC_CHANNELS = (16, 32, 64, 128, 256)
CRITIC_KERNEL, CRITIC_STRIDE = 25, 4

assert prod(STRIDES) == HOP_SAMPLES


@dataclass(frozen=True)
class V2SGanSettings(AcousticSettings):
    """What makes one generator differ from another."""

    wave_channels: tuple[int, ...] = (128, 64, 32, 16)
    """Output channels of each transposed convolution."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from super().mistakes()
        if len(self.wave_channels) != len(STRIDES) or min(self.wave_channels) < 1:
            yield f"wave_channels has {len(STRIDES)} entries of at least 1"


class WaveDecoder(nn.Module):
    """Features every 10 ms to samples.

    Args:
        inputs: features.
        channels: of each transposed convolution, one for each of `STRIDES`.
    """

    def __init__(self, inputs: int, channels: tuple[int, ...]):
        super().__init__()
        layers: list[nn.Module] = []
        for (before, after), stride in zip(pairwise((inputs, *channels)), STRIDES, strict=True):
            layers += [Upsampling(before, after, stride), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.last = Mixing(channels[-1])

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (B, T, inputs) to sound (B, 160 T), -1 to 1."""
        return torch.tanh(self.last(self.layers(features)).float())


class Upsampling(nn.ConvTranspose1d):
    """A transposed convolution over time whose output is `stride` times as long as its input.

    Its kernel is twice the stride: what one frame says reaches its own samples and as many after
    them. So it is two matrix products, which take a third of the time of torch's own on a CPU.
    """

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__(inputs, outputs, 2 * stride, stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Map (B, T, inputs) to (B, stride * T, outputs)."""
        clips, frames, inputs = features.shape
        (stride,), outputs = self.stride, self.out_channels
        first, second = self.weight.permute(2, 1, 0).reshape(2, stride * outputs, inputs)
        assert self.bias is not None
        bias = self.bias.repeat(stride)
        sums = functional.pad(functional.linear(features, first, bias), (0, 0, 0, 1))
        sums[:, frames] = bias
        sums[:, 1:] += functional.linear(features, second)
        start = (stride + 1) // 2
        samples = sums.view(clips, (frames + 1) * stride, outputs)
        return samples[:, start : start + frames * stride]


class Mixing(nn.Conv1d):
    """A convolution over time to one channel: a product per tap, and a sum along the diagonal."""

    def __init__(self, inputs: int):
        super().__init__(inputs, 1, LAST_KERNEL, padding=LAST_KERNEL // 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, N, inputs) to (B, N)."""
        clips, samples, _ = features.shape
        taps = functional.pad(features @ self.weight[0], (0, 0, *2 * (LAST_KERNEL // 2,)))
        strides = (taps.stride(0), LAST_KERNEL, LAST_KERNEL + 1)
        assert self.bias is not None
        return taps.as_strided((clips, samples, LAST_KERNEL), strides).sum(-1) + self.bias


class V2SGan(nn.Module):
    """Frames of a mouth to sound: the generator."""

    def __init__(self, settings: V2SGanSettings | None = None):
        super().__init__()
        self.settings = settings = settings or V2SGanSettings()
        self.acoustic = AcousticModel(settings)
        self.decoder = WaveDecoder(settings.decoder_channels, settings.wave_channels)

    def forward(self, frames: torch.Tensor, *, mirror: bool = False) -> torch.Tensor:
        """Map frames to sound.

        Args:
            frames: uint8, or float 0 to 255, (B, T, H, W, C).
            mirror: whether the features are the mean of a clip's and its mirror image's.

        Returns:
            (B, 640 T), -1 to 1.
        """
        features = self.acoustic(frames).features
        if mirror:
            features = (features + self.acoustic(frames.flip(3)).features) / 2
        return self.decoder(features)


class Critic(nn.Module):
    """Sound to how real it is; higher is more real.

    No layer looks at the clips of a batch together, since the gradient penalty is per clip.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((1, *CRITIC_CHANNELS)):
            layers.append(
                nn.Conv1d(inputs, outputs, CRITIC_KERNEL, CRITIC_STRIDE, CRITIC_KERNEL // 2)
            )
            layers.append(nn.LeakyReLU(SLOPE))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Conv1d(CRITIC_CHANNELS[-1], 1, 3, padding=1)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Map sound (B, N) to the mean over time of how real it is, (B,)."""
        return self.head(self.layers(sound[:, None])).mean((1, 2))

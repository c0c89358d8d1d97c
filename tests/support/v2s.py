"""Small video-to-speech models, and training on two clips until a model knows them by heart."""

from dataclasses import asdict

import numpy as np
import pystoi
import torch
from torch import nn

from gridkit.models.acoustic import AcousticSettings
from gridkit.models.v2s_gan import V2SGanSettings
from gridkit.models.v2s_mel import V2SMelSettings
from gridkit.train.losses import stft_loss
from support.signals import make_voice

SMALL = AcousticSettings(
    height_px=12, width_px=24, channels=(4, 4, 4), spatial_dropout=0.0, bottleneck=8, hidden=8,
    recurrent_dropout=0.0, decoder_channels=16, decoder_blocks=1,
)  # fmt: skip
GAN = V2SGanSettings(**asdict(SMALL), wave_channels=(8, 8, 8, 8))
MEL = V2SMelSettings(**asdict(SMALL), vocoder_channels=16, vocoder_blocks=1)

WIDER = {"bottleneck": 32, "hidden": 32, "decoder_channels": 64}
"""Settings wide enough to learn two clips by heart."""
PICTURES = 16
PIECE = slice(12_000, 12_000 + 640 * PICTURES)


def overfit_sound(model: nn.Module, steps: int = 350) -> list[float]:
    """Train on a piece of two made-up voices, samples and spectra; return STOI of each."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.integers(0, 256, (2, PICTURES, 12, 24, 1), dtype=np.uint8))
    voices = [make_voice(seed, f0_hz)[PIECE] / 32768 for seed, f0_hz in ((0, 120.0), (1, 200.0))]
    true = torch.from_numpy(np.stack(voices)).float()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(steps):
        said = model(frames)
        distance = 3 * (said - true).square().mean() / true.square().mean()
        optimizer.zero_grad()
        (distance + stft_loss(said, true)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        said = model(frames).double().numpy()
    return [pystoi.stoi(voice, sound, 16_000) for voice, sound in zip(voices, said, strict=True)]

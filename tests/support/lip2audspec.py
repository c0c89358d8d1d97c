"""A small Lip2AudSpec, and training on two clips until it knows them by heart."""

from dataclasses import replace

import numpy as np
import pystoi
import torch
from torch.nn import functional

from gridkit.models.auditory import AuditorySpectrogram
from gridkit.models.lip2audspec import Lip2AudSpec, Lip2AudSpecSettings
from support.signals import make_voice

SMALL = Lip2AudSpecSettings(
    height_px=16, width_px=32, channels=(4,) * 7, spatial_dropout=0.0, seen=8, hidden=8,
    dropout=0.0, dense=16,
)  # fmt: skip
WIDER = replace(SMALL, channels=(8,) * 7, seen=32, hidden=32, dense=64)
"""Wide enough to learn two clips by heart."""
SECOND = slice(8_000, 24_000)


def overfit_codes(
    model: Lip2AudSpec, autoencoder_steps: int = 500, steps: int = 250
) -> list[float]:
    """Train on a second of two made-up voices, as the learner does; return STOI of each."""
    torch.manual_seed(0)
    frames = torch.randint(0, 256, (2, 25, 16, 32, 1), dtype=torch.uint8)
    voices = [make_voice(seed, f0_hz)[SECOND] / 32768 for seed, f0_hz in ((0, 120.0), (1, 200.0))]
    autoencoder = model.autoencoder
    with torch.no_grad():
        loudness = AuditorySpectrogram()(torch.from_numpy(np.stack(voices)))
        autoencoder.band_mean.copy_(loudness.mean((0, 1)))
        autoencoder.band_deviation.copy_(loudness.std((0, 1)))
        true = autoencoder.standard(loudness)
    optimizer = torch.optim.AdamW(autoencoder.parameters(), 2e-3)
    for _ in range(autoencoder_steps):
        optimizer.zero_grad()
        functional.mse_loss(autoencoder(true), true).backward()
        optimizer.step()
    codes = autoencoder.encode(true).detach()
    optimizer = torch.optim.AdamW(model.reader.parameters(), 5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.mse_loss(model.reader(frames).codes, codes).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        said = model(frames).double().numpy()
    return [pystoi.stoi(voice, sound, 16_000) for voice, sound in zip(voices, said, strict=True)]

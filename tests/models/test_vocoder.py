"""The vocoder gives 160 samples per frame, at any length, and can learn a sound by heart."""

import pytest
import torch
from support.signals import make_voice

from gridkit.models.mel import LogMelSpectrogram
from gridkit.models.vocoder import Vocoder
from gridkit.train.losses import stft_loss


@pytest.mark.parametrize("frames", [1, 12, 300])
def test_each_frame_is_160_samples(frames):
    sound = Vocoder(16, 1)(torch.zeros(2, frames, 80))
    assert sound.shape == (2, 160 * frames)
    assert sound.isfinite().all()


def test_numbers_that_no_spectrogram_has_stay_finite():
    assert Vocoder(16, 1)(torch.full((1, 12, 80), 1e4)).isfinite().all()
    loud = Vocoder(16, 1)
    torch.nn.init.constant_(loud.head.bias, 200.0)  # exp(200) is infinite in float32
    assert loud(torch.zeros(1, 12, 80)).isfinite().all()


def test_it_learns_a_sound_by_heart():
    torch.manual_seed(0)
    sound = torch.from_numpy(make_voice()[12_000:20_000] / 32768).float()[None]
    mel = LogMelSpectrogram()
    vocoder, true = Vocoder(32, 2), mel(sound)
    optimizer = torch.optim.AdamW(vocoder.parameters(), 3e-3)
    distances = []
    for _ in range(150):
        said = vocoder(true)
        distance = (mel(said) - true).abs().mean()
        optimizer.zero_grad()
        (distance + stft_loss(said, sound)).backward()
        optimizer.step()
        distances.append(float(distance.detach()))
    assert distances[-1] < 0.5 * distances[0]

"""Log-frequency spectrograms in torch: where a tone lies, and the way back to sound."""

import numpy as np
import pystoi
import pytest
import torch
from scipy.optimize import nnls
from support.signals import make_voice

from gridkit.dsp.auditory import auditory_filters
from gridkit.models.auditory import AuditoryInverse, AuditorySpectrogram, bins_of


def tone(hz: float) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(16_000) / 16_000)[None]


@pytest.mark.parametrize("hz", [300.0, 1000.0, 4000.0])
def test_a_tone_is_in_its_band(hz):
    spectrogram = AuditorySpectrogram()(tone(hz))
    assert spectrogram.shape == (1, 100, 128)
    band = round(127 * np.log(hz / 80) / np.log(7600 / 80))
    loudest = spectrogram[0, 50].argmax()
    assert abs(loudest - band) <= (3 if hz < 500 else 1)  # below, bins are wider than bands


def test_ten_times_the_sound_is_twice_as_loud():
    spectrogram = AuditorySpectrogram()
    quiet, loud = spectrogram(0.01 * tone(1000.0)), spectrogram(0.1 * tone(1000.0))
    torch.testing.assert_close(loud, 10**0.3 * quiet, rtol=1e-3, atol=2e-3)


def test_sound_comes_back():
    voice = make_voice(0, 120.0)[8_000:24_000] / 32768
    with torch.no_grad():
        spectrogram = AuditorySpectrogram()(torch.from_numpy(voice)[None])
        back = AuditoryInverse()(spectrogram)
    assert back.shape == (1, 16_000)
    assert pystoi.stoi(voice, back[0].double().numpy(), 16_000) > 0.9


def test_a_clip_sounds_the_same_in_any_batch():
    loudness = torch.rand(3, 12, 128)
    inverse = AuditoryInverse()
    together, alone = inverse(loudness), inverse(loudness[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_silence_is_silent():
    assert torch.equal(AuditoryInverse()(torch.zeros(1, 12, 128)), torch.zeros(1, 1920))


def test_bins_come_nearly_as_near_as_any_could():
    filters = auditory_filters()
    # bands that contradict each other: what bins reach is not all of them
    bands = np.random.default_rng(0).random((4, 128))
    best = sum(nnls(filters, frame)[1] ** 2 for frame in bands)
    found = bins_of(torch.from_numpy(bands).float()[None], torch.from_numpy(filters).float())
    assert (found >= 0).all()
    assert ((found[0].double().numpy() @ filters.T - bands) ** 2).sum() < 1.3 * best

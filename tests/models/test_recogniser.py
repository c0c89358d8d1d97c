"""How recognisers hear: log-mel bands, and what is done to them in training."""

import numpy as np
import pytest
import torch
from support.overfit import TEXTS, overfit

from gridkit.models.alphabet import CLASSES
from gridkit.models.heads import Output
from gridkit.models.recogniser import LogMel, Recogniser, RecogniserSettings, mel_filters, warp

RATE_HZ = 16_000


def beep(frequency_hz: float) -> torch.Tensor:
    """Half a second of silence and as much of a tone, as a batch of one."""
    times_s = np.arange(RATE_HZ) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * frequency_hz * times_s) * (times_s > 0.5)
    return torch.from_numpy(tone.astype(np.float32))[None]


def loudest_band(bands: torch.Tensor) -> int:
    return int(bands[0, 75].argmax())


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
@pytest.mark.parametrize("frequency_hz", [400.0, 1000.0, 3000.0])
def test_a_warped_tone_is_heard_as_another(monkeypatch, chance, factor, frequency_hz):
    """Frequencies divided by the factor, to within a band."""
    monkeypatch.setattr(torch, "rand", lambda *size, device: torch.full(size, chance))
    log_mel = LogMel(64)
    warped = warp(log_mel(beep(frequency_hz)), 0.2)
    expected = loudest_band(log_mel(beep(frequency_hz / factor)))
    assert abs(loudest_band(warped) - expected) <= 1


def test_each_clip_of_a_batch_is_warped_by_a_factor_of_its_own():
    torch.manual_seed(0)
    bands = LogMel(64)(beep(1000.0)).expand(8, -1, -1)
    warped = warp(bands, 0.2)
    assert warped.shape == bands.shape
    assert len({int(clip[75].argmax()) for clip in warped}) > 3
    assert torch.equal(warp(bands, 0.0), bands)


def test_frequencies_are_warped_in_training_alone():
    torch.manual_seed(0)
    settings = RecogniserSettings(
        hidden=8, channels=(4, 4), dropout=0.0, mask_bands=0, mask_frames=0, warp=0.2
    )
    model, sound = Recogniser(settings), beep(1000.0)
    # the clip alone decides how a layer in training normalises: leave that out
    front = model.front.eval()
    assert not torch.equal(model.features(sound), model.features(sound))
    model.eval()
    assert torch.equal(model.features(sound), front(model.log_mel(sound)))


@pytest.mark.parametrize(
    "settings",
    [
        RecogniserSettings(hidden=32, dropout=0.0, mask_bands=0, mask_frames=0),
        RecogniserSettings(
            front="1d", channels=(32, 32), recurrent="lstm", hidden=64, dropout=0.0,
            mask_bands=0, mask_frames=0,
        ),
    ],
    ids=["2d", "1d"],
)  # fmt: skip
def test_recogniser_learns_one_batch(settings):
    samples = torch.randn(2, 6400, generator=torch.Generator().manual_seed(0)) * 0.1
    assert overfit(Recogniser(settings), samples, 200) == TEXTS


@pytest.mark.parametrize(
    "settings",
    [RecogniserSettings(), RecogniserSettings(front="1d", channels=(16, 16), hidden=16)],
    ids=["2d", "1d"],
)
def test_recogniser_gives_fifty_frames_a_second_whatever_the_level(settings):
    model = Recogniser(settings).eval()
    samples = torch.randn(1, 48_000) * 0.1
    with torch.no_grad():
        loud: Output = model(samples)
        soft: Output = model(samples / 4)
    assert loud.characters.shape == (1, 150, CLASSES)
    torch.testing.assert_close(soft.characters, loud.characters, rtol=0.05, atol=0.05)


def test_log_mel_puts_a_tone_into_the_band_of_its_frequency():
    bands = 64
    time_s = torch.arange(16_000) / 16_000
    burst = torch.sin(2 * torch.pi * 1000 * time_s) * (time_s < 0.5)
    levels = LogMel(bands)(burst[None])[0]
    assert levels.shape == (100, bands)
    loudest = int((levels[:40].mean(0)).argmax())
    bins_hz = torch.linspace(0, 8000, 257)
    assert float(bins_hz[mel_filters(bands)[:, loudest].argmax()]) == pytest.approx(1000, abs=50)
    torch.testing.assert_close(levels.mean(0), torch.zeros(bands), atol=1e-4, rtol=0)


def test_training_hides_bands_and_reading_does_not():
    model = Recogniser()
    samples = torch.randn(1, 16_000) * 0.1
    with torch.no_grad():
        assert not torch.equal(model.features(samples), model.features(samples))
        model.eval()
        assert torch.equal(model.features(samples), model.features(samples))

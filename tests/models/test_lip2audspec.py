"""Lip2AudSpec gives exactly 640 samples per frame, and can learn two clips by heart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.lip2audspec import SMALL, WIDER, overfit_codes

from gridkit.models.lip2audspec import (
    CODE_NOISE,
    Autoencoder,
    Lip2AudSpec,
    Lip2AudSpecSettings,
    with_differences,
)
from gridkit.recipe import weights_of


def some_frames(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (2, count, 16, 32, 1), dtype=torch.uint8)


@pytest.mark.parametrize("frames", [1, 3, 75, 100])
def test_each_frame_is_640_samples_and_four_codes(frames):
    model = Lip2AudSpec(SMALL).eval()
    with torch.no_grad():
        sound, read = model(some_frames(frames)), model.reader(some_frames(frames))
    assert sound.shape == (2, 640 * frames)
    assert sound.abs().max() <= 1
    assert read.codes.shape == (2, 4 * frames, 32)
    assert read.output.words.shape[:2] == (2, frames)


def test_the_mirror_image_is_averaged_as_a_spectrogram():
    model, frames = Lip2AudSpec(SMALL).eval(), some_frames(5)
    with torch.no_grad():
        loudness = (model.loudness(frames) + model.loudness(frames.flip(3))) / 2
        expected = model.inverse(loudness).clamp(-1, 1)
        torch.testing.assert_close(model(frames, mirror=True), expected)


def test_differences_over_time_are_added():
    pixels = np.random.default_rng(0).random((2, 6, 3, 4, 1))
    given = with_differences(torch.from_numpy(pixels)).numpy()
    np.testing.assert_array_equal(given[..., 0], pixels[..., 0])
    np.testing.assert_allclose(given[:, 1:, ..., 1], np.diff(pixels, axis=1)[..., 0])
    np.testing.assert_allclose(given[:, 2:, ..., 2], np.diff(pixels, n=2, axis=1)[..., 0])
    assert not given[:, 0, ..., 1:].any()


def test_codes_are_noisy_only_while_the_autoencoder_learns():
    autoencoder, frames = Autoencoder(), torch.randn(1000, 128)
    with torch.no_grad():
        clean = autoencoder.decoder(autoencoder.encode(frames))
        assert torch.equal(autoencoder.eval()(frames), clean)
        # a decoder that passes the first codes on shows the noise itself
        autoencoder.decoder = torch.nn.Identity()
        noise = autoencoder.train()(frames) - autoencoder.encode(frames)
    assert float(noise.std()) == pytest.approx(CODE_NOISE, rel=0.05)


def test_its_weights_are_small():
    weights = weights_of(Lip2AudSpec())
    assert 2 * sum(tensor.numel() for tensor in weights.values()) < 6e6
    assert {name.split(".")[0] for name in weights} == {"reader", "autoencoder"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": (4, 4)}, "channels has 7 entries of at least 1"),
        ({"mean": (0.5, 0.5)}, "mean and deviation have one entry for each of 1 colours"),
        ({"dense": 0}, "seen, hidden and dense are at least 1"),
        ({"height_px": 14}, "height_px and width_px are at least 16"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes, message):
    assert list(replace(SMALL, **changes).mistakes()) == [message]
    assert not list(Lip2AudSpecSettings().mistakes())


@pytest.mark.slow
def test_it_learns_two_clips_by_heart():
    torch.manual_seed(0)
    assert np.mean(overfit_codes(Lip2AudSpec(WIDER))) > 0.8

"""The learner of Lip2AudSpec: the autoencoder first, then codes; it resumes to the same bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.lip2audspec import SMALL
from support.training_clips import AUGMENTATION, made_up_clips, recipe_of

from gridkit.recipe import weights_of
from gridkit.train import loop
from gridkit.train.lip2audspec import Lip2AudSpecLearner, Lip2AudSpecTraining
from gridkit.train.losses import correlation_loss

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = Lip2AudSpecTraining(
    steps=4, batch=2, warmup_steps=2, validate_every=2, average_decay=0.9, autoencoder_steps=2
)


def learner(**changes) -> Lip2AudSpecLearner:
    frames = np.random.default_rng(0).integers(0, 256, (4, 75, 18, 36, 1), dtype=np.uint8)
    clips = replace(made_up_clips(), frames=frames)
    settings = replace(SETTINGS, **changes)
    return Lip2AudSpecLearner(recipe_of(SMALL), clips, settings, AUGMENTATION, "cpu")


def test_a_run_in_pieces_ends_with_the_same_bits(tmp_path):
    expected = loop.train(learner(), tmp_path / "whole", SETTINGS)
    # one piece per step: one of them resumes where the autoencoder becomes fixed
    for _ in range(SETTINGS.steps):
        piece = loop.train(learner(), tmp_path / "pieces", SETTINGS, minutes=0)
    assert piece.step == SETTINGS.steps
    assert piece.figures == expected.figures
    assert piece.weights.keys() == expected.weights.keys()
    assert all(torch.equal(piece.weights[n], expected.weights[n]) for n in expected.weights)


def test_every_loss_has_its_name():
    made = learner()
    names = [made.step(number).keys() for number in range(3)]
    assert names[0] == names[1] == {"autoencoder", "words", "ctc"}
    assert names[2] == {"words", "ctc", "correlation", "code", "spectrogram"}


def test_the_autoencoder_learns_and_then_stays():
    made = learner(autoencoder_steps=8, autoencoder_rate=1e-3)
    losses = [made.step(number)["autoencoder"] for number in range(8)]
    assert losses[-1] < losses[0]
    made.step(8)
    settled = {name: tensor.clone() for name, tensor in weights_of(made.model.autoencoder).items()}
    kept = made.weights()
    assert all(torch.equal(kept[f"autoencoder.{name}"], settled[name]) for name in settled)
    made.step(9)
    now = weights_of(made.model.autoencoder)
    assert all(torch.equal(now[name], settled[name]) for name in settled)


def test_bands_are_standardised_by_the_train_clips():
    made = learner()
    loudness = torch.cat([made._spectrogram(sound) for sound in made.train_sounds()]).flatten(0, 1)
    standard = made.model.autoencoder.standard(loudness)
    assert standard.mean().abs() < 1e-4
    torch.testing.assert_close(standard.std(0), torch.ones(128), rtol=1e-3, atol=1e-3)


def test_weights_are_those_of_the_model():
    made = learner()
    assert made.weights().keys() == weights_of(made.model).keys()


def test_the_correlation_loss_is_that_of_numpy():
    rng = np.random.default_rng(0)
    said, true = rng.random((3, 12, 32)), rng.random((3, 12, 32))
    pairs = zip(said, true, strict=True)
    expected = np.mean([1 - np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs])
    loss = correlation_loss(torch.from_numpy(said), torch.from_numpy(true))
    assert float(loss) == pytest.approx(expected)
    # blind to offset and size, and nothing correlates with a constant
    alike = correlation_loss(3 * torch.from_numpy(true) + 1, torch.from_numpy(true))
    assert float(alike) == pytest.approx(0, abs=1e-9)
    assert float(correlation_loss(torch.ones(1, 4, 2), torch.rand(1, 4, 2))) == pytest.approx(1)

"""Losses: words frame by frame, CTC per character, and what compares sounds and spectra."""

from math import log

import numpy as np
import pystoi
import pytest
import torch
from support.signals import add_noise, delay, make_voice

from gridkit.corpus.alignment import Word
from gridkit.models.alphabet import CLASSES, WORD_CLASSES, word_frames
from gridkit.models.mel import LogMelSpectrogram
from gridkit.train.losses import (
    buzz_loss,
    carrying,
    ctc_loss,
    envelope_loss,
    features_loss,
    gradient_penalty,
    power_loss,
    stft_loss,
    total_variation,
    word_loss,
)

SENTENCE = "bin blue at f two now".split()


@pytest.fixture
def spoken() -> torch.Tensor:
    """The word classes of one clip: five frames per word, after five of silence."""
    words = tuple(Word(word, 0.2 + 0.2 * n, 0.4 + 0.2 * n) for n, word in enumerate(SENTENCE))
    return torch.tensor([word_frames(words, 40, 25.0)])


def loss_of(spoken: torch.Tensor, wrong_at: int | None, weights: tuple[float, ...]) -> float:
    """The word loss of a model that is sure, and wrong in the frames of one word."""
    words = torch.nn.functional.one_hot(spoken, WORD_CLASSES).float() * 20
    if wrong_at is not None:
        words[0, 5 + 5 * wrong_at : 10 + 5 * wrong_at] = 0.0
    return float(word_loss(words, spoken, weights))


@pytest.mark.parametrize("slot", range(6))
def test_an_error_in_a_slot_weighs_as_the_slot_does(spoken, slot):
    even = (1.0,) * 6
    heavy = tuple(4.0 if place == slot else 1.0 for place in range(6))
    # 10 frames of silence, and 5 of each word
    assert loss_of(spoken, slot, even) == pytest.approx(5 / 40 * log(52), 1e-4)
    expected = 4 * 5 / (40 + 3 * 5) * log(52)
    assert loss_of(spoken, slot, heavy) == pytest.approx(expected, 1e-4)
    elsewhere = loss_of(spoken, (slot + 1) % 6, heavy)
    assert elsewhere == pytest.approx(expected / 4, 1e-4)


def test_a_model_that_is_right_has_no_loss_of(spoken):
    assert loss_of(spoken, None, (1.0,) * 6) == pytest.approx(0, abs=1e-4)


def test_ctc_is_per_character_whatever_the_lengths():
    # sure of two texts, frame by frame: CTC finds nothing to correct
    labels = torch.tensor([1, 2, 3, 4])
    sure = torch.full((2, 4, CLASSES), -30.0)
    for clip, path in enumerate([[1, 2, 3, 0], [4, 0, 0, 0]]):
        sure[clip, range(4), path] = 0.0
    assert float(ctc_loss(sure, labels, torch.tensor([3, 1]))) == pytest.approx(0, abs=1e-6)
    # that knows nothing: a text of one character has 10 paths of 4 frames
    even = torch.zeros(1, 4, CLASSES)
    expected = 4 * log(CLASSES) - log(10)
    assert float(ctc_loss(even, labels[3:], torch.tensor([1]))) == pytest.approx(expected)


def test_magnitudes_are_compared_as_loudness():
    said, true = torch.tensor([1.0, 8.0]).log(), torch.tensor([1.0, 1.0]).log()
    assert float(power_loss(said, true, 1 / 3)) == pytest.approx(((2 - 1) ** 2) / 2)


def test_features_count_by_their_size():
    true = [torch.full((2, 3), 2.0), torch.full((2, 5), 200.0)]
    said = [torch.full((2, 3), 3.0), torch.full((2, 5), 100.0)]
    assert float(features_loss(said, true)) == pytest.approx((1 / 2 + 100 / 200) / 2)


def test_spectra_do_not_mind_the_sign_and_mind_the_level():
    sound = torch.randn(2, 4000)
    assert float(stft_loss(-sound, sound)) == pytest.approx(0.0, abs=1e-5)
    # twice as loud: log 2 further at every bin, and all of the spectrum off by its own size
    assert float(stft_loss(2 * sound, sound)) == pytest.approx(log(2) + 1, rel=0.01)


def test_spectra_of_digital_silence_have_a_gradient():
    said = torch.zeros(1, 4000, requires_grad=True)
    stft_loss(said, torch.zeros(1, 4000)).backward()
    assert said.grad.isfinite().all()


def test_variation_is_what_neighbours_differ_by():
    assert float(total_variation(torch.tensor([[0.0, 1.0, 1.0, -1.0]]))) == pytest.approx(1.0)


def pulses(period, samples=48_000):
    """Return sound (1, N) that clicks at every `period` samples."""
    sound = torch.zeros(1, samples)
    sound[:, ::period] = 0.5
    return sound


def test_pulses_at_the_pace_of_frames_are_a_buzz_and_at_another_are_none():
    assert buzz_loss(pulses(160), 160) > 10
    assert buzz_loss(pulses(157), 160) < 0.1
    assert buzz_loss(torch.randn(4, 48_000), 160) < 0.01


def test_a_buzz_is_that_of_the_roughness_folded_at_a_frame():
    sound = 0.1 * torch.randn(2, 3_300) + pulses(160, 3_300)
    rough = np.abs(np.diff(sound.double().numpy(), 2))[:, :3_200].reshape(-1, 160).mean(0)
    smooth = np.mean([np.roll(rough, shift) for shift in range(-2, 3)], axis=0)
    expected = np.mean((smooth / smooth.mean() - 1) ** 2)
    assert float(buzz_loss(sound, 160)) == pytest.approx(expected, rel=1e-4)


def test_a_buzz_does_not_mind_the_level():
    sound = torch.randn(2, 16_000) + pulses(160, 16_000)
    expected = float(buzz_loss(sound, 160))
    assert float(buzz_loss(0.1 * sound, 160)) == pytest.approx(expected, rel=1e-4)


def test_the_buzz_of_silence_has_a_gradient():
    sound = torch.zeros(2, 3_200, requires_grad=True)
    buzz_loss(sound, 160).backward()
    assert torch.isfinite(sound.grad).all()


def test_the_penalty_is_none_for_a_slope_of_one():
    direction = torch.zeros(8)
    direction[3] = 1.0
    said, true = torch.randn(4, 8), torch.randn(4, 8)
    assert float(gradient_penalty(lambda x: x @ direction, said, true)) == pytest.approx(
        0, abs=1e-5
    )
    steep = gradient_penalty(lambda x: 3 * x @ direction, said, true)
    assert float(steep) == pytest.approx((3 - 1) ** 2, rel=1e-4)


def test_the_penalty_teaches_the_critic_and_is_finite_in_silence():
    critic = torch.nn.Conv1d(1, 4, 3)
    silence = torch.zeros(2, 8)
    gradient_penalty(lambda x: critic(x[:, None]).square().sum((1, 2)), silence, silence).backward()
    assert critic.weight.grad.isfinite().all()


def test_envelopes_are_compared_nearly_as_extended_stoi_does():
    voice = make_voice()
    true = LogMelSpectrogram()(torch.from_numpy(voice / 32768).float()[None])
    similar, expected = [], []
    for changed in (voice, add_noise(voice, 10.0), delay(voice, 480), make_voice(seed=1)):
        said = LogMelSpectrogram()(torch.from_numpy(changed / 32768).float()[None])
        similar.append(1 - float(envelope_loss(said, true)))
        expected.append(pystoi.stoi(voice / 32768, changed / 32768, 16_000, extended=True))
    assert similar[0] == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(similar, expected)[0, 1] > 0.95


def test_envelopes_do_not_mind_the_level():
    true = LogMelSpectrogram()(torch.from_numpy(make_voice() / 32768).float()[None])
    assert float(envelope_loss(true + log(2), true)) < 0.05


def test_envelopes_of_silence_have_a_gradient():
    said = torch.full((1, 100, 80), -11.5, requires_grad=True)
    envelope_loss(said, torch.full((1, 100, 80), -11.5)).backward()
    assert said.grad.isfinite().all()


def test_a_gradient_that_was_found_apart_is_carried():
    tensor = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    slope = torch.tensor([0.5, -1.0, 4.0])
    loss = carrying(2 * tensor, slope)
    assert float(loss.detach()) == 0
    loss.backward()
    assert torch.equal(tensor.grad, 2 * slope)

"""Losses: the words frame by frame, each slot with its weight; CTC per character."""

from math import log

import pytest
import torch

from gridkit.corpus.alignment import Word
from gridkit.models.alphabet import CLASSES, WORD_CLASSES, word_frames
from gridkit.train.losses import ctc_loss, word_loss

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

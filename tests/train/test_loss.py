"""The loss: CTC, and the words frame by frame, each slot with its weight."""

from math import log

import pytest
import torch

from gridkit.corpus.alignment import Word
from gridkit.models.alphabet import CLASSES, WORD_CLASSES, encode, word_frames
from gridkit.models.heads import Output
from gridkit.train.batches import Batch
from gridkit.train.loop import loss_of
from gridkit.train.settings import TrainingSettings

SENTENCE = "bin blue at f two now".split()


@pytest.fixture
def batch() -> Batch:
    """One clip: five frames a word, after five of silence."""
    spoken = tuple(Word(word, 0.2 + 0.2 * n, 0.4 + 0.2 * n) for n, word in enumerate(SENTENCE))
    words = torch.tensor([word_frames(spoken, 40, 25.0)])
    labels = torch.tensor(encode(" ".join(SENTENCE)))
    return Batch(torch.zeros(1, 40), labels, torch.tensor([len(labels)]), words)


def word_loss(batch: Batch, wrong_at: int | None, weights: tuple[float, ...]) -> float:
    """The word loss of a model that is sure, and wrong in the frames of one word."""
    words = torch.nn.functional.one_hot(batch.words, WORD_CLASSES).float() * 20
    if wrong_at is not None:
        words[0, 5 + 5 * wrong_at : 10 + 5 * wrong_at] = 0.0
    output = Output(torch.zeros(1, 40, CLASSES), words)
    settings = TrainingSettings(steps=1, slot_weights=weights)
    without = TrainingSettings(steps=1, slot_weights=weights, word_loss_weight=0.0)
    return float(loss_of(output, batch, settings) - loss_of(output, batch, without))


@pytest.mark.parametrize("slot", range(6))
def test_an_error_in_a_slot_weighs_as_the_slot_does(batch, slot):
    even = (1.0,) * 6
    heavy = tuple(4.0 if place == slot else 1.0 for place in range(6))
    # 10 frames of silence, and 5 of each word
    assert word_loss(batch, slot, even) == pytest.approx(5 / 40 * log(52), 1e-4)
    expected = 4 * 5 / (40 + 3 * 5) * log(52)
    assert word_loss(batch, slot, heavy) == pytest.approx(expected, 1e-4)
    elsewhere = word_loss(batch, (slot + 1) % 6, heavy)
    assert elsewhere == pytest.approx(expected / 4, 1e-4)


def test_a_model_that_is_right_has_no_word_loss(batch):
    assert word_loss(batch, None, (1.0,) * 6) == pytest.approx(0, abs=1e-4)

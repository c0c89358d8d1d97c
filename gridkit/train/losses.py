"""Losses: pure functions from what a model says, and what is true, to a scalar.

A learner weighs and adds them, and logs each under its name.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from gridkit.corpus.grammar import SLOTS


def ctc_loss(
    characters: torch.Tensor, labels: torch.Tensor, label_lengths: torch.Tensor
) -> torch.Tensor:
    """Return CTC's loss per character of text.

    Args:
        characters: unnormalised log-probabilities, float (B, T, 28).
        labels: the classes of all texts, one text after the other, int (sum of lengths,).
        label_lengths: int (B,).
    """
    clips, frames = characters.shape[:2]
    return functional.ctc_loss(
        characters.log_softmax(-1).transpose(0, 1),
        labels,
        torch.full((clips,), frames, device=labels.device),
        label_lengths,
    )


def word_loss(
    words: torch.Tensor, spoken: torch.Tensor, slot_weights: Sequence[float]
) -> torch.Tensor:
    """Return the cross-entropy of the word that is said in each frame.

    Args:
        words: unnormalised log-probabilities, float (B, T, 52); silence comes first.
        spoken: classes, int64 (B, T).
        slot_weights: of frames in which a word of each of the six slots is said.
    """
    slots = zip(SLOTS, slot_weights, strict=True)
    weights = [1.0, *(weight for slot, weight in slots for _ in slot)]
    return functional.cross_entropy(
        words.flatten(0, 1),
        spoken.flatten(),
        torch.tensor(weights, device=words.device),
    )

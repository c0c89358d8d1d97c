"""Whether the answers that were timed are those that were scored (docs/protocol.md section 7).

A system could tell the changed frames of a timed call apart, and answer them at less cost. So some
of its answers, drawn at random after the last call, are compared with its saved ones. They are not
the same to the bit: frames differ by one step at random pixels, and a batch sums in another order.
"""

import random
from collections.abc import Iterable, Sequence

import numpy as np

from gridkit.dsp.bands import band_powers
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.systems.answers import Checked
from gridkit.metrics.edit_distance import edit_distance
from gridkit.metrics.lag import likeness_of_bands

Pair = tuple[Prediction, Checked]
"""What a system gave for a clip when it was scored, and when it was timed."""

COMPARED = 30
"""Answers of the timed calls; of the calls of each batch size, a third."""
LIKE = 0.8
"""Recipes of gridkit reach 0.999 of themselves; the sound of another sentence 0.73."""
MOST_APART = 0.1
"""Share of answers that may be less like the saved ones."""
EQUAL_WITHIN = 32
"""Steps of 16 bits, 1e-3 of full scale: sound this near is the same, even in silence."""


def drawn(pairs: Iterable[Pair], most: int) -> list[Pair]:
    """Return some of the pairs, by the operating system's randomness; all, where they are few."""
    pairs = list(pairs)
    return random.SystemRandom().sample(pairs, min(most, len(pairs)))


def share_apart(pairs: Sequence[Pair]) -> float:
    """Return the share of pairs whose answers are not alike.

    >>> share_apart([(Prediction("a", text="bin blue"), Checked(text="bin blue"))])
    0.0
    """
    return sum(likeness(*pair) < LIKE for pair in pairs) / len(pairs)


def likeness(saved: Prediction, answer: Checked) -> float:
    """Return how like two answers are, 1 at most.

    Of sound it is the mean over mel bands of Pearson's r of the log powers; of text, the share of
    words that are right.

    >>> likeness(Prediction("a", text="bin blue at"), Checked(text="bin red"))
    0.33333333333333337
    """
    if saved.text is not None and answer.text is not None:
        words, given = saved.text.split(), answer.text.split()
        return 1 - edit_distance(words, given) / max(len(words), len(given), 1)
    if saved.samples is None or answer.samples is None:
        return 0.0
    if np.abs(saved.samples.astype(int) - answer.samples).max() <= EQUAL_WITHIN:
        return 1.0
    one, other = (band_powers(sound / 32_768) for sound in (saved.samples, answer.samples))
    return likeness_of_bands(one, other)

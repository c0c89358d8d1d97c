"""When a sentence that a lipreader read is worth being shown as one.

A lipreader writes something for any face. Of what it knows it is sure, and writes sentences of six
words of GRID; of other faces and other speech it is less sure, and writes words that are none.
`benchmarks/believable.py` measures how well that tells them apart (docs/app.md).
"""

from collections.abc import Sequence

from gridkit.corpus.grammar import CODE_LENGTH, VOCABULARY
from gridkit.models.word_timing import TimedWord

BELIEVABLE = 0.8
"""How sure a lipreader has to be of a sentence; chosen on clips that are not used to test."""


def sureness(words: Sequence[TimedWord]) -> float:
    """Return how sure a lipreader is of a sentence of GRID, 0 to 1.

    It is the mean confidence of the words; one that GRID does not have counts as 0, and so does one
    that lacks to six.

    >>> sureness([TimedWord("bin", 0, 1, 0.9), TimedWord("blu", 1, 2, 0.9)])
    0.15
    """
    known = sum(word.confidence for word in words if word.word in VOCABULARY)
    return known / max(CODE_LENGTH, len(words))


def is_believable(words: Sequence[TimedWord]) -> bool:
    """Tell whether a sentence looks like one that the lipreader can read."""
    return sureness(words) >= BELIEVABLE

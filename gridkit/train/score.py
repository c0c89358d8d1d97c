"""Word error rate while training; results are scored by `gridkit.metrics`."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorRate:
    """Errors over length."""

    errors: int
    length: int

    @property
    def rate(self) -> float:
        """Errors a word of the truth."""
        return self.errors / self.length

    @classmethod
    def pooled(cls, clips: "Iterable[ErrorRate]") -> "ErrorRate":
        """Return errors and lengths summed over clips."""
        parts = list(clips)
        return cls(sum(part.errors for part in parts), sum(part.length for part in parts))


def word_errors(truth: str, text: str) -> ErrorRate:
    """Count the fewest words to insert, delete or replace (Levenshtein).

    >>> word_errors("bin blue at f", "bin at e")
    ErrorRate(errors=2, length=4)
    """
    words = truth.split()
    row = list(range(len(words) + 1))
    for index, given in enumerate(text.split(), start=1):
        previous, row = row, [index]
        for place, word in enumerate(words):
            change = previous[place] + (word != given)
            row.append(min(change, previous[place + 1] + 1, row[place] + 1))
    return ErrorRate(row[-1], len(words))

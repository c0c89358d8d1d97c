"""The fewest edits between two texts, for training, where jiwer is not installed.

Results are counted by jiwer (`gridkit.metrics.wer`); a test holds both to the same numbers.
"""

from collections.abc import Sequence


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Return the fewest items to insert, delete or replace (Levenshtein).

    >>> edit_distance("bin blue at f".split(), "bin at e".split())
    2
    """
    row = list(range(len(reference) + 1))
    for index, item in enumerate(hypothesis, start=1):
        previous, row = row, [index]
        for place, expected in enumerate(reference):
            change = previous[place] + (item != expected)
            row.append(min(change, previous[place + 1] + 1, row[place] + 1))
    return row[-1]

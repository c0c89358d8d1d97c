"""When the words of a text are said, and how sure the model is of each.

CTC's best path among those that write a given text (Viterbi over its characters with blanks
between them), classes as in alphabet.py. CTC minds the order of characters, not their time: a
model that sees the whole clip may write the first ones long before they are said and the last
ones long after. So times come from the best path that keeps to the frames in which something is
said, and confidence from the best path over all frames.
"""

from dataclasses import dataclass

import numpy as np

from gridkit.models.alphabet import BLANK, encode


@dataclass(frozen=True)
class TimedWord:
    """A word, when it is said, and how sure the model is of it."""

    word: str
    start_s: float
    end_s: float
    confidence: float
    """The probability of its least sure character."""


def timed_words(
    log_probs: np.ndarray, text: str, frames_per_second: float, spoken: slice = slice(None)
) -> list[TimedWord]:
    """Return the words of a text with their times.

    Args:
        log_probs: natural log-probabilities, float (T, 28).
        text: what was decoded from them.
        frames_per_second: of `log_probs`.
        spoken: the frames in which something is said.

    Returns:
        No word where the frames are too few for the text.
    """
    labels = encode(text)
    everywhere = align(log_probs, labels)
    if everywhere is None:
        return []
    offset = spoken.start or 0
    said = align(log_probs[spoken], labels)
    if said is None:
        offset, said = 0, everywhere
    words, first = [], 0
    for word in text.split():
        last = first + len(word) - 1
        sure = min(log_probs[everywhere[k], labels[k]].max() for k in range(first, last + 1))
        start_s, end_s = (
            float(frame + offset) / frames_per_second
            for frame in (said[first].start, said[last].stop)
        )
        words.append(TimedWord(word, start_s, end_s, float(np.exp(sure))))
        first = last + 2  # a space stands between
    return words


def align(log_probs: np.ndarray, labels: list[int]) -> list[slice] | None:
    """Return the frames in which the best path writes each label, None where none fits.

    Args:
        log_probs: natural log-probabilities, float (T, classes).
        labels: the classes of a text.
    """
    if not labels:
        return []
    # places of a path: blank, first label, blank, second label, ..., blank
    classes = np.full(2 * len(labels) + 1, BLANK)
    classes[1::2] = labels
    may_skip = np.zeros(len(classes), bool)
    may_skip[3::2] = classes[3::2] != classes[1:-2:2]
    score = np.full(len(classes), -np.inf)
    score[:2] = log_probs[0, classes[:2]]
    came_from = np.zeros((len(log_probs), len(classes)), np.int8)
    for time, frame in enumerate(log_probs[1:], start=1):
        moves = np.full((3, len(classes)), -np.inf)
        moves[0] = score
        moves[1, 1:] = score[:-1]
        moves[2, 2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        came_from[time] = moves.argmax(axis=0)
        score = moves.max(axis=0) + frame[classes]
    place = len(classes) - 1 - int(score[-2] > score[-1])
    if score[place] == -np.inf:
        return None
    path = np.empty(len(log_probs), int)
    for time in range(len(log_probs) - 1, -1, -1):
        path[time] = place
        place -= came_from[time, place]
    starts = np.searchsorted(path, np.arange(1, len(classes), 2))
    stops = np.searchsorted(path, np.arange(1, len(classes), 2), side="right")
    return [slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]

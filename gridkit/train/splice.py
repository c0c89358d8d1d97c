"""Two clips made into one: the first words of one, and the rest of the other.

A speaker's thousand sentences are few enough to be learnt by heart: a model that knows a clip by
its other words says the letter it remembers, and does not need to see it. In a spliced clip the
words before the cut say nothing about those after it.
"""

from dataclasses import dataclass, replace

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import split_id
from gridkit.corpus.records import RATE_FPS
from gridkit.train.clips import Label


@dataclass(frozen=True)
class Cut:
    """Where one clip ends and the other continues."""

    end: int
    """The first frame of the first clip that is not shown."""
    resume: int
    """The first frame of the second clip that is."""


def partners(labels: tuple[Label, ...], places: np.ndarray) -> dict[str, np.ndarray]:
    """Return the places of each speaker's clips: a face can only continue as itself."""
    speakers = np.array([split_id(labels[place].id)[0] for place in places])
    return {speaker: places[speakers == speaker] for speaker in np.unique(speakers).tolist()}


def splice_labels(first: Label, second: Label, words: int, frames: int) -> tuple[Label, Cut] | None:
    """Return what is said in two clips cut together, and where they are cut.

    Args:
        first: its first `words` words are said.
        second: the rest of its words are.
        words: how many, 1 to 5.
        frames: of a clip.

    Returns:
        None where the second clip's words would not end in time.
    """
    cut = Cut(*(round(label.words[words].start_s * RATE_FPS) for label in (first, second)))
    shift = cut.end - cut.resume
    if round(second.words[-1].end_s * RATE_FPS) + shift > frames:
        return None
    late_s = shift / RATE_FPS
    rest = [
        Word(word.word, word.start_s + late_s, word.end_s + late_s) for word in second.words[words:]
    ]
    said = (*first.words[:words], *rest)
    return replace(first, text=" ".join(word.word for word in said), words=said), cut


def spliced_places(cut: Cut, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which clip each place of a spliced clip shows, 0 or 1, and which of its frames.

    What is missing at the end is the last frame.

    Args:
        cut: where.
        frames: of a clip.

    >>> [places.tolist() for places in spliced_places(Cut(2, 3), 5)]
    [[0, 0, 1, 1, 1], [0, 1, 3, 4, 4]]
    """
    places = np.arange(frames)
    is_second = places >= cut.end
    second = np.minimum(places - cut.end + cut.resume, frames - 1)
    return is_second.astype(int), np.where(is_second, second, places)

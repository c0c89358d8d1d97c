"""Two clips made into one: the first words of one, and how the other goes on from there.

A speaker's thousand sentences are few enough to be learnt by heart: a model that knows a clip by
its other words says the letter it remembers and need not look. In a spliced clip the words before
the cut say nothing about those after it.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import split_id
from gridkit.corpus.records import RATE_FPS
from gridkit.train.clips import Label


@dataclass(frozen=True)
class Cut:
    """Where one clip ends and the other goes on."""

    end: int
    """The first frame of the first clip that is not shown."""
    resume: int
    """The first frame of the second clip that is."""


def partners(labels: tuple[Label, ...], places: np.ndarray) -> dict[str, np.ndarray]:
    """Return the places of each speaker's clips: a face can only go on as itself."""
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


def splice_frames(first: torch.Tensor, second: torch.Tensor, cut: Cut) -> torch.Tensor:
    """Return two clips cut together; what is missing at the end is the last frame.

    Args:
        first: uint8 (T, H, W, C).
        second: of the same shape.
        cut: where.
    """
    length = len(first)
    places = torch.arange(cut.resume, cut.resume + length - cut.end).clamp(max=length - 1)
    return torch.cat([first[: cut.end], second[places.to(second.device)]])

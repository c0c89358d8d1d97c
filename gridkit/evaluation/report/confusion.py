"""What was transcribed for what was said: per sentence, and as a matrix for each slot.

Words are aligned as the protocol aligns them, by jiwer, so that the diagonals add up to the
slot accuracies. Transcribed words that belong to another slot, or to none, count as `other`;
words that were not transcribed at all count as `nothing`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import jiwer
import numpy as np

from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import SLOT_NAMES, SLOTS, text_of
from gridkit.results.records import ClipScore

OTHER = "other"
NOTHING = "nothing"


@dataclass(frozen=True)
class WordPair:
    """One place of an aligned sentence."""

    said: str
    """Empty: the transcript has a word too many."""
    transcribed: str
    """Empty: the transcript lacks the word."""

    @property
    def right(self) -> bool:
        """Tell whether the word was transcribed as it was said."""
        return self.said == self.transcribed


@dataclass(frozen=True)
class Confusion:
    """One slot: how often each word was transcribed as each."""

    slot: str
    said: tuple[str, ...]
    transcribed: tuple[str, ...]
    """The slot's words, then `other` and `nothing`."""
    counts: np.ndarray
    """int (said, transcribed), of the clips that did not fail."""
    failed: int
    """Clips that failed: of each, the slot's word counts as wrong."""

    @cached_property
    def accuracy(self) -> float:
        """Return the share of words transcribed as they were said, 0 where none was said."""
        return float(np.trace(self.counts)) / max(1, int(self.counts.sum()) + self.failed)

    def worst(self, count: int) -> list[tuple[str, str, int, int]]:
        """Return the most frequent confusions: said, transcribed, how often, of how many said."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        places = [divmod(int(place), wrong.shape[1]) for place in order]
        return [
            (self.said[i], self.transcribed[j], int(wrong[i, j]), int(self.counts[i].sum()))
            for i, j in places
            if wrong[i, j]
        ]


def align_sentence(said: str, transcript: str) -> tuple[WordPair, ...]:
    """Return the words of two sentences in pairs.

    >>> [(w.said, w.transcribed) for w in align_sentence("bin blue at f", "bin at s")]
    [('bin', 'bin'), ('blue', ''), ('at', 'at'), ('f', 's')]
    """
    aligned = jiwer.process_words(said, transcript)
    return _words(aligned.references[0], aligned.hypotheses[0], aligned.alignments[0])


def confusions(clips: Iterable[ClipScore], transcriber: str | None) -> tuple[Confusion, ...]:
    """Return the six matrices of the scored clips.

    Args:
        clips: gone through once.
        transcriber: whose text: a recogniser, or `system`; None where the clips have no text.
    """
    labels = [(*slot.values(), OTHER, NOTHING) for slot in SLOTS]
    counts = [np.zeros((len(slot), len(slot) + 2), int) for slot in SLOTS]
    failed = 0
    for clip in clips:
        transcript = clip.text.get(transcriber or "")
        if clip.status != "scored" or transcript is None:
            failed += 1
            continue
        aligned = align_sentence(text_of(split_id(clip.id)[1]), transcript)
        words = [word for word in aligned if word.said]
        for word, names, matrix in zip(words, labels, counts, strict=True):
            known = word.transcribed if word.transcribed in names[:-2] else OTHER
            column = names.index(known if word.transcribed else NOTHING)
            matrix[names.index(word.said), column] += 1
    return tuple(
        Confusion(name, names[:-2], names, matrix, failed)
        for name, names, matrix in zip(SLOT_NAMES, labels, counts, strict=True)
    )


def _words(
    said: Sequence[str], transcribed: Sequence[str], chunks: Sequence[jiwer.AlignmentChunk]
) -> tuple[WordPair, ...]:
    words = []
    for chunk in chunks:
        left = said[chunk.ref_start_idx : chunk.ref_end_idx]
        right = transcribed[chunk.hyp_start_idx : chunk.hyp_end_idx]
        length = max(len(left), len(right))
        padded = zip(
            [*left, *[""] * (length - len(left))],
            [*right, *[""] * (length - len(right))],
            strict=True,
        )
        words += [WordPair(one, two) for one, two in padded]
    return tuple(words)

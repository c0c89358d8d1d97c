"""Lipreading of any video: find the face, cut out the mouth as the recipe needs it, and read.

A lipreader knows clips of three seconds with a sentence in the middle, and reads nothing else
well. So its word head first passes over the video and says where there is speech. Pauses separate
sentences, and each sentence is then read as if it were a clip of its own.

Mouths are read in blocks of a minute, and only the words are kept: a long video needs no more
memory than a short one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gridkit.corpus.records import FRAMES, RATE_FPS
from gridkit.media.mouths import Mouths, MouthStream
from gridkit.media.subtitles import Caption
from gridkit.models.word_timing import TimedWord, timed_words
from gridkit.recipe.systems import Lipreader

BLOCK_FRAMES = 1500
"""Length of a block, which is read at once: a minute."""
STEP_FRAMES = FRAMES // 3
"""Between the starts of two searches for speech, each in as many frames as a clip has."""
PAUSE_FRAMES = 10
"""A pause this long (0.4 s) ends a sentence."""
SHORTEST_FRAMES = 5
"""Shorter speech is ignored."""
QUIET_FRAMES = 14
"""There are at least so many before and after the speech of a GRID clip."""
SENTENCE_S = 1.0
"""Almost no sentence of GRID is shorter."""
UNSEEN_FRAMES = 5
"""A word may be lost where there is no face for so long (0.2 s)."""
NEAR_SPEECH_FRAMES = 5
"""A word may be lost where there is no face in a sentence, or closer to one than this (0.2 s)."""
CAPTION_STAYS_S = 1.0
"""How long a caption stays after the last word of its sentence."""


@dataclass(frozen=True)
class Unseen:
    """A time without a face, in or at a sentence: words may be missing or guessed there."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Reading:
    """What was read in a video."""

    sentences: tuple[tuple[TimedWord, ...], ...]
    length_s: float
    face_share: float
    """Share of the video in which a face was found."""
    faces: int = 1
    """The most faces seen in one frame; the one whose lips move most was read."""
    unseen: tuple[Unseen, ...] = ()
    """Where words may be missing or guessed."""

    @property
    def captions(self) -> tuple[Caption, ...]:
        """Each sentence as it grows, word by word."""
        pairs = zip(self.subtitles, self.sentences, strict=True)
        return tuple(line for whole, sentence in pairs for line in growing(whole, sentence))

    @property
    def subtitles(self) -> tuple[Caption, ...]:
        """Whole sentences; each stays for a moment, until the next one or the clip's end."""
        starts_s = [*(sentence[0].start_s for sentence in self.sentences), self.length_s]
        return tuple(
            Caption(
                sentence[0].start_s,
                min(sentence[-1].end_s + CAPTION_STAYS_S, next_s),
                text_of_words(sentence),
            )
            for sentence, next_s in zip(self.sentences, starts_s[1:], strict=True)
        )


def growing(whole: Caption, sentence: tuple[TimedWord, ...]) -> Iterator[Caption]:
    """Yield the captions of a sentence as it grows, word by word.

    Args:
        whole: the caption of the whole sentence.
        sentence: its words.
    """
    starts_s = [*(word.start_s for word in sentence), whole.end_s]
    for count, (start_s, end_s) in enumerate(pairwise(starts_s), start=1):
        yield Caption(start_s, end_s, text_of_words(sentence[:count]))


def text_of_words(words: tuple[TimedWord, ...]) -> str:
    """Return the text of a sentence."""
    return " ".join(word.word for word in words)


def read_clip(
    mouths: MouthStream, lipreader: Lipreader, progress: Callable[[float], None] = lambda _: None
) -> Reading:
    """Read a video of any length and rate.

    Args:
        mouths: of the video, with the lipreader's crop (`gridkit.media.mouth_tracking`).
        lipreader: reads, and decodes each sentence.
        progress: called with the number of seconds that are done.

    Raises:
        MediaError: it cannot be decoded, or shows no face.
    """
    sentences = SentenceReader(lipreader)
    for piece in mouths:
        sentences.add(piece[lipreader.crop])
        progress(mouths.length_s)
    return sentences.reading(mouths)


class SentenceReader:
    """Reads the sentences of mouths that come piece by piece."""

    def __init__(self, lipreader: Lipreader):
        self._lipreader = lipreader
        self._sentences: list[tuple[TimedWord, ...]] = []
        self._block: Mouths | None = None
        self._start = 0
        self._frames = 0
        self._faceless: list[slice] = []

    def add(self, piece: Mouths) -> tuple[tuple[TimedWord, ...], ...]:
        """Take the next frames, and return the sentences that they complete: of a block at once."""
        for part in parts_of(piece.missing):
            start, stop = part.start + self._frames, part.stop + self._frames
            if self._faceless and self._faceless[-1].stop == start:
                start = self._faceless.pop().start
            self._faceless.append(slice(start, stop))
        self._frames += len(piece)
        block = piece if self._block is None else self._block.joined(piece)
        done, before = 0, len(self._sentences)
        if len(block) >= BLOCK_FRAMES:
            spoken, done = read_block(block, self._lipreader)
            self._sentences += later(spoken, self._start)
        self._block, self._start = block[done:], self._start + done
        return tuple(self._sentences[before:])

    def rest(self) -> tuple[tuple[TimedWord, ...], ...]:
        """Read what is left, and return the sentences of all frames."""
        if self._block is not None:
            spoken, _ = read_block(self._block, self._lipreader, last=True)
            self._sentences += later(spoken, self._start)
        return tuple(self._sentences)

    def reading(self, mouths: MouthStream) -> Reading:
        """Read what is left, and return what was read in all frames of a stream."""
        sentences = self.rest()
        unseen = unseen_at(sentences, self._faceless)
        return Reading(sentences, mouths.length_s, mouths.face_share, mouths.faces, unseen)


def unseen_at(
    sentences: Sequence[tuple[TimedWord, ...]], faceless: Sequence[slice]
) -> tuple[Unseen, ...]:
    """Return where words may be missing from sentences.

    Args:
        sentences: in order of time.
        faceless: the parts of the video without a face, in frames.
    """
    # in frames: rounding of seconds would count the same gap in one place and not in another
    spoken = [
        (
            round(said[0].start_s * RATE_FPS) - NEAR_SPEECH_FRAMES,
            round(said[-1].end_s * RATE_FPS) + NEAR_SPEECH_FRAMES,
        )
        for said in sentences
    ]
    return tuple(
        Unseen(part.start / RATE_FPS, part.stop / RATE_FPS)
        for part in faceless
        if part.stop - part.start >= UNSEEN_FRAMES
        and any(part.start < stop and start < part.stop for start, stop in spoken)
    )


def read_block(
    mouths: Mouths, lipreader: Lipreader, *, last: bool = False
) -> tuple[list[tuple[TimedWord, ...]], int]:
    """Read the sentences that end in a block.

    Args:
        mouths: of a crop, T frames.
        lipreader: reads.
        last: whether nothing follows; else a sentence near the end waits for the next block.

    Returns:
        The sentences, times from the block's first frame; and how many frames are done with.
    """
    parts = spoken_parts(silence(mouths, lipreader), mouths.missing)
    whole = [part for part in parts if last or part.stop + FRAMES <= len(mouths)]
    if not whole and parts and parts[0].start == 0:
        whole = parts[:1]  # a minute without a pause
    rest = parts[len(whole) :]
    next_start = rest[0].start if rest else len(mouths)
    done = max(whole[-1].stop if whole else 0, next_start - FRAMES, 0)
    pauses = [(a.stop + b.start) // 2 for a, b in pairwise(parts)]
    bounds = list(pairwise([0, *pauses, len(mouths)]))
    read = (
        _read_part(mouths, part, slice(*bound), lipreader)
        for part, bound in zip(whole, bounds, strict=False)
    )
    return [sentence for sentence in read if sentence], done


def silence(mouths: Mouths, lipreader: Lipreader) -> np.ndarray:
    """Return the probability of silence in each frame, (T,): the mean over overlapping windows."""
    last = max(0, len(mouths) - FRAMES)
    frames = mouths.nearest_seen(np.arange(len(mouths)))
    total, count = np.zeros(len(mouths)), np.zeros(len(mouths))
    for start in sorted({*range(0, last, STEP_FRAMES), last}):
        part = slice(start, start + FRAMES)
        total[part] += lipreader.silence(frames[part])
        count[part] += 1
    return np.where(mouths.missing, 1.0, total / count)


def spoken_parts(silent: np.ndarray, missing: np.ndarray) -> list[slice]:
    """Return the parts with speech. Pauses separate them; cutaways inside a sentence do not.

    Args:
        silent: probability of silence in each frame, (T,), 1 where there is no face.
        missing: bool (T,), no face there.
    """
    parts: list[slice] = []
    for part in parts_of(silent < 0.5, step_frames=PAUSE_FRAMES):
        if part.stop - part.start < SHORTEST_FRAMES:
            continue
        goes_on = parts and _goes_on(parts[-1], part, missing)
        parts.append(slice(parts.pop().start, part.stop) if goes_on else part)
    return parts


def _goes_on(before: slice, part: slice, missing: np.ndarray) -> bool:
    """Return whether two parts with speech are one sentence: nobody saw a pause between them."""
    seen = int((~missing[before.stop : part.start]).sum())
    return seen < PAUSE_FRAMES and part.stop - before.start <= FRAMES


def parts_of(frames: np.ndarray, step_frames: int = 1) -> list[slice]:
    """Return the parts of a clip that hold these frames.

    Args:
        frames: which count, bool (T,).
        step_frames: from one to the next within a part, at most.

    >>> parts_of(np.array([1, 1, 0, 1, 0, 0, 1], bool), step_frames=2)
    [slice(0, 4, None), slice(6, 7, None)]
    """
    places = np.flatnonzero(frames)
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > step_frames)
    firsts, lasts = places[[0, *(breaks + 1)]], places[[*breaks, -1]]
    return [slice(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]


def _read_part(
    mouths: Mouths, part: slice, quiet: slice, lipreader: Lipreader
) -> tuple[TimedWord, ...]:
    """Read a sentence in the middle of as many frames as a clip has.

    Args:
        mouths: of a block.
        part: where the sentence is.
        quiet: from the middle of the pause before it to that of the pause after it. Frames beyond
            show what these two do, so that no other sentence is seen.
        lipreader: reads.
    """
    length = max(FRAMES, part.stop - part.start + 2 * QUIET_FRAMES)
    start = (part.start + part.stop - length) // 2
    start = max(0, min(start, len(mouths) - length))
    places = np.arange(start, min(start + length, len(mouths)))
    places = places.clip(quiet.start, quiet.stop - 1)
    # CTC may write before it is said: what it writes in frames without a face counts
    log_probs = lipreader.log_probs([mouths.nearest_seen(places)])[0]
    said = slice(part.start - start, part.stop - start)
    words = timed_words(log_probs, lipreader.decode(log_probs).text, RATE_FPS, said)
    return next(later([tuple(words)], start))


def later(sentences: list[tuple[TimedWord, ...]], frames: int) -> Iterator[tuple[TimedWord, ...]]:
    """Yield sentences so many frames later."""
    shift_s = frames / RATE_FPS
    for sentence in sentences:
        yield tuple(
            TimedWord(w.word, w.start_s + shift_s, w.end_s + shift_s, w.confidence)
            for w in sentence
        )

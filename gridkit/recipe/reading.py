"""Lipreading of any video: find the face, cut out the mouth as the recipe needs it, and read.

A lipreader knows clips of three seconds with a sentence in the middle, and reads nothing else
well. So its word head first passes over the video and says where there is speech. Pauses separate
sentences, and each sentence is then read as if it were a clip of its own.

Faces are followed in windows that overlap, mouths are read in blocks of a minute, and only the
words are kept: a long video needs no more memory than a short one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from gridkit.corpus.records import FRAMES, RATE_FPS
from gridkit.errors import MediaError
from gridkit.media.captions import Caption
from gridkit.media.crops import cut_crop, load_profile, to_rgb
from gridkit.media.face import FaceTracker
from gridkit.media.stream import Picture, PictureStream, as_video
from gridkit.models.alphabet import BLANK, CLASSES
from gridkit.models.word_timing import TimedWord, timed_words
from gridkit.recipe.systems import Lipreader

WIDEST_PX = 720
"""Wider pictures are made smaller: a face that the detector finds then still has a large mouth."""
TRACKED_FRAMES = 150
"""Length of the windows in which a face is followed."""
OVERLAP_FRAMES = 25
"""Cut off at each end of a window: points there are smoothed with too few neighbours."""
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
CAPTION_STAYS_S = 1.0
"""How long a caption stays after the last word of its sentence."""
SILENT = np.log(np.where(np.arange(CLASSES) == BLANK, 1.0, 1e-9)).astype(np.float32)
"""Log-probabilities of a frame without a face."""


@dataclass(frozen=True)
class Reading:
    """What was read in a video."""

    sentences: tuple[tuple[TimedWord, ...], ...]
    length_s: float
    face_share: float
    """Share of the video in which a face was found."""

    @property
    def captions(self) -> tuple[Caption, ...]:
        """Each sentence as it grows, word by word."""
        lines = []
        for number, sentence in enumerate(self.sentences):
            following = self.sentences[number + 1 :]
            next_s = following[0][0].start_s if following else float("inf")
            gone_s = min(sentence[-1].end_s + CAPTION_STAYS_S, next_s)
            starts_s = [*(word.start_s for word in sentence), gone_s]
            for count, (start_s, end_s) in enumerate(pairwise(starts_s), start=1):
                text = " ".join(word.word for word in sentence[:count])
                lines.append(Caption(start_s, end_s, text))
        return tuple(lines)


@dataclass(frozen=True)
class Mouths:
    """Frames of a crop, one after the other."""

    frames: np.ndarray
    """uint8 (T, H, W), or (T, H, W, 3)."""
    missing: np.ndarray
    """bool (T,): no face there."""

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, part: slice) -> "Mouths":
        return Mouths(self.frames[part], self.missing[part])

    def joined(self, other: "Mouths | None") -> "Mouths":
        """Return these frames, then the other ones."""
        if other is None:
            return self
        frames = np.concatenate([self.frames, other.frames])
        return Mouths(frames, np.concatenate([self.missing, other.missing]))


def read_clip(
    path: Path, lipreader: Lipreader, progress: Callable[[float], None] = lambda _: None
) -> Reading:
    """Read a video file of any length and rate.

    Args:
        path: of the file.
        lipreader: reads, and decodes each sentence.
        progress: called with the number of seconds that are done.

    Raises:
        MediaError: it cannot be decoded, or shows no face.
    """
    sentences: list[tuple[TimedWord, ...]] = []
    block: Mouths | None = None
    start = found = 0
    with PictureStream(path, WIDEST_PX) as stream:
        for piece in follow_mouth(stream.at_rate(RATE_FPS), lipreader.crop):
            found += int((~piece.missing).sum())
            block = piece if block is None else block.joined(piece)
            if len(block) >= BLOCK_FRAMES:
                spoken, done = read_block(block, lipreader)
                sentences += later(spoken, start)
                block, start = block[done:], start + done
            progress((start + len(block)) / RATE_FPS)
    if block is None:
        raise MediaError(f"{path} has no picture that can be decoded")
    if not found:
        raise MediaError(f"no face found in any frame of {path}")
    sentences += later(read_block(block, lipreader, last=True)[0], start)
    frames = start + len(block)
    return Reading(tuple(sentences), frames / RATE_FPS, found / frames)


def follow_mouth(pictures: Iterator[Picture], crop: str) -> Iterator[Mouths]:
    """Cut the mouth out of pictures, and yield it piece by piece; each frame comes once."""
    tracker, profile = FaceTracker(), load_profile(crop)
    before = 0
    for window, is_last in windows(pictures):
        video = as_video(window, Fraction(RATE_FPS))
        track = tracker.track(video.luma)
        if track.missing.all():
            frames = np.zeros((len(window), profile.height_px, profile.width_px), np.uint8)
        else:
            planes = cut_crop(video, track.landmarks, profile)
            frames = planes.luma if planes.chroma is None else to_rgb(planes)
        end = len(window) if is_last else len(window) - OVERLAP_FRAMES
        yield Mouths(frames, track.missing)[before:end]
        before = OVERLAP_FRAMES


def windows(pictures: Iterator[Picture]) -> Iterator[tuple[list[Picture], bool]]:
    """Cut pictures into windows, and say which is the last.

    Each but the first begins two overlaps before the end of the one before it. The last one may
    be shorter, but holds something new.
    """
    window: list[Picture] = []
    for picture in pictures:
        if len(window) == TRACKED_FRAMES:
            yield window, False
            window = window[-2 * OVERLAP_FRAMES :]
        window.append(picture)
    if window:
        yield window, True


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
    parts = spoken_parts(silence(mouths, lipreader))
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
    total, count = np.zeros(len(mouths)), np.zeros(len(mouths))
    for start in sorted({*range(0, last, STEP_FRAMES), last}):
        part = slice(start, start + FRAMES)
        total[part] += lipreader.silence(mouths.frames[part])
        count[part] += 1
    return np.where(mouths.missing, 1.0, total / count)


def spoken_parts(silent: np.ndarray) -> list[slice]:
    """Return the parts with speech; pauses separate them."""
    spoken = np.flatnonzero(silent < 0.5)
    if not len(spoken):
        return []
    breaks = np.flatnonzero(np.diff(spoken) > PAUSE_FRAMES)
    firsts, lasts = spoken[[0, *(breaks + 1)]], spoken[[*breaks, -1]]
    parts = [slice(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]
    return [part for part in parts if part.stop - part.start >= SHORTEST_FRAMES]


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
    log_probs = lipreader.log_probs([mouths.frames[places]])[0]
    log_probs[mouths.missing[places]] = SILENT
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

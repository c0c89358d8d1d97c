"""Speech for any video: the sound of mouths that come piece by piece.

A video-to-speech model knows clips of three seconds. So its windows are as long, each is used for
its middle alone, where the model sees what comes before and after, and neighbours are cross-faded:
no click is heard where one follows the other. Where no face is, there is silence.

Only a window and the sound of a join are kept: a long video needs no more memory than a short one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gridkit.corpus.records import FRAMES, RATE_FPS, SAMPLE_RATE_HZ
from gridkit.dsp.fade import FADE_IN, FADE_SAMPLES
from gridkit.media.mouths import Mouths, MouthStream
from gridkit.media.samples import fit_length
from gridkit.recipe.reading import Reading, SentenceReader
from gridkit.recipe.systems import Lipreader

FRAME_SAMPLES = SAMPLE_RATE_HZ // RATE_FPS
CONTEXT_FRAMES = 25
"""Seen by the model before and after the frames whose sound is used."""
STEP_FRAMES = FRAMES - 2 * CONTEXT_FRAMES
SHORTEST_FRAMES = 25
"""A shorter clip is made so long: its last frame is repeated, and the sound of that is cut off."""


class VideoToSpeech(Protocol):
    """A video-to-speech system, such as `gridkit.recipe.systems.Voice`."""

    @property
    def crop(self) -> str:
        """The crop profile that it is given."""
        ...

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return the sound of frames, float32 (640 T,), -1 to 1.

        Args:
            frames: uint8 (T, H, W), or (T, H, W, 3).
        """
        ...


@dataclass(frozen=True)
class Speech:
    """What was said for a video, beside the sound itself."""

    length_s: float
    face_share: float
    """Share of the video in which a face was found; the sound is silent elsewhere."""
    reading: Reading | None
    """The text that a lipreader read in it; None where none was asked."""
    faces: int = 1
    """The most faces seen in one frame; the one whose lips move most has the voice."""


def speak_clip(
    mouths: MouthStream,
    voice: VideoToSpeech,
    write: Callable[[np.ndarray], None],
    lipreader: Lipreader | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Speech:
    """Give a video of any length and rate a sound, exactly as long as its pictures.

    Args:
        mouths: of the video, with the crops of voice and lipreader
            (`gridkit.media.mouth_tracking`).
        voice: makes the sound.
        write: takes the sound piece by piece, float32 (N,) at 16 kHz, -1 to 1.
        lipreader: reads the text, if it is wanted.
        progress: called with the number of seconds that are done.

    Raises:
        MediaError: it cannot be decoded, or shows no face; some sound may have been written.
    """
    sound = SoundStream(voice)
    sentences = None if lipreader is None else SentenceReader(lipreader)
    written = 0
    for piece in mouths:
        made = sound.add(piece[voice.crop])
        write(made)
        written += len(made)
        if lipreader is not None and sentences is not None:
            sentences.add(piece[lipreader.crop])
        progress(mouths.length_s)
    write(fit_length(sound.rest(), round(mouths.length_s * SAMPLE_RATE_HZ) - written))
    reading = None
    if sentences is not None:
        reading = sentences.reading(mouths)
    return Speech(mouths.length_s, mouths.face_share, reading, mouths.faces)


class SoundStream:
    """The sound of mouths that come piece by piece: 640 samples for each frame."""

    def __init__(self, voice: VideoToSpeech):
        self._voice = voice
        self._waiting: Mouths | None = None
        self._start = 0
        """First of the waiting frames whose sound is still to be made."""
        self._fading: np.ndarray | None = None
        """What the window before says around the last join."""

    def add(self, piece: Mouths) -> np.ndarray:
        """Take the next frames, and return the sound that is ready, float32 (N,)."""
        waiting = piece if self._waiting is None else self._waiting.joined(piece)
        ready = [np.zeros(0, np.float32)]
        while len(waiting) >= FRAMES + STEP_FRAMES:
            ready.append(self._next(waiting[:FRAMES], FRAMES - CONTEXT_FRAMES))
            waiting = waiting[STEP_FRAMES:]
        self._waiting = waiting
        return np.concatenate(ready)

    def rest(self) -> np.ndarray:
        """Return the sound of all frames that wait, float32 (N,)."""
        if self._waiting is None:
            return np.zeros(0, np.float32)
        ready = []
        if len(self._waiting) > FRAMES:
            ready.append(self._next(self._waiting[:FRAMES], FRAMES - CONTEXT_FRAMES))
            self._start += STEP_FRAMES - (len(self._waiting) - FRAMES)
        last = self._waiting[-FRAMES:]
        ready.append(self._next(last, len(last)))
        return np.concatenate(ready)

    def _next(self, window: Mouths, end: int) -> np.ndarray:
        """Return the sound of a window from where the last one ended, cross-faded.

        Args:
            window: with context; the next window begins a step later.
            end: of the frames whose sound is used; of all where none follow.
        """
        half = FADE_SAMPLES // 2
        sound = sound_of(window, self._voice)
        first = self._start * FRAME_SAMPLES
        if self._fading is not None:
            first -= half
            fading = self._fading * FADE_IN[::-1]
            sound[first : first + FADE_SAMPLES] *= FADE_IN
            sound[first : first + FADE_SAMPLES] += fading
        self._start = end - STEP_FRAMES
        if end == len(window):
            return sound[first:]
        join = end * FRAME_SAMPLES
        self._fading = sound[join - half : join + half]
        return sound[first : join - half]


def sound_of(mouths: Mouths, voice: VideoToSpeech) -> np.ndarray:
    """Return the sound of one window, float32 (640 T,), silent where no face is.

    Args:
        mouths: T frames. Those without a face show the nearest face, so that the model sees
            nothing that it does not know.
        voice: makes the sound.
    """
    count = len(mouths)
    if mouths.missing.all():
        return np.zeros(count * FRAME_SAMPLES, np.float32)
    places = np.arange(max(count, SHORTEST_FRAMES)).clip(max=count - 1)
    sound = voice(mouths.nearest_seen(places))[: count * FRAME_SAMPLES]
    return sound * loudness(mouths.missing)


def loudness(missing: np.ndarray) -> np.ndarray:
    """Return how loud each sample is, 0 to 1, float32 (640 T,): it fades within frames with a face.

    Args:
        missing: bool (T,), no face there.
    """
    level = np.ones((len(missing), FRAME_SAMPLES), np.float32)
    level[missing] = 0
    changes = np.diff(missing.astype(int))
    level[1:][changes < 0, :FADE_SAMPLES] *= FADE_IN
    level[:-1][changes > 0, -FADE_SAMPLES:] *= FADE_IN[::-1]
    return level.reshape(-1)

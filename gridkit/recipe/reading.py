"""Lipreading of any clip: the face is found, the mouth cut out as the recipe wants it, and read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridkit.corpus.records import RATE_FPS
from gridkit.errors import MediaError
from gridkit.media.crops import cut_crop, load_profile, to_rgb
from gridkit.media.decode import decode_clip
from gridkit.media.face import FaceTracker
from gridkit.media.video import Video
from gridkit.models.decoding import TimedWord, greedy_words
from gridkit.recipe.systems import Lipreader

LONGEST_FRAMES = 3000
"""Of a clip that is read at once, at its own rate: two minutes at 25 fps."""


@dataclass(frozen=True)
class Reading:
    """What was read in a clip."""

    words: tuple[TimedWord, ...]
    video: Video
    """The clip at 25 frames a second."""
    face_share: float
    """Share of the frames in which a face was found."""


def read_clip(path: Path, lipreader: Lipreader) -> Reading:
    """Read a video file, greedily.

    Raises:
        MediaError: it cannot be decoded, is too long, or shows no face.
    """
    decoded = decode_clip(path, LONGEST_FRAMES).video
    if decoded is None:
        raise MediaError(f"{path} has no video that can be decoded")
    if len(decoded.luma) > LONGEST_FRAMES:
        raise MediaError(
            f"{path} has more than {LONGEST_FRAMES} frames; cut it into shorter clips, as "
            "ffmpeg -i IN -f segment -segment_time 60 OUT%d.mp4"
        )
    video = at_25_fps(decoded)
    track = FaceTracker().track(video.luma)
    if track.missing.all():
        raise MediaError(f"no face found in any frame of {path}")
    planes = cut_crop(video, track.landmarks, load_profile(lipreader.crop))
    frames = planes.luma if planes.chroma is None else to_rgb(planes)
    words = greedy_words(lipreader.log_probs([frames])[0], RATE_FPS)
    return Reading(tuple(words), video, float(1 - track.missing.mean()))


def at_25_fps(video: Video) -> Video:
    """Return a video at 25 frames a second: for each moment the frame shown then.

    A clip whose rate is unknown is taken as it is.
    """
    if video.rate_fps in (0, RATE_FPS):
        return video
    rate_fps = float(video.rate_fps)
    count = max(1, round(len(video.luma) * RATE_FPS / rate_fps))
    shown = np.floor((np.arange(count) + 0.5) * rate_fps / RATE_FPS).astype(int)
    shown = np.minimum(shown, len(video.luma) - 1)
    return Video(
        np.ascontiguousarray(video.luma[shown]),
        np.ascontiguousarray(video.chroma[shown]),
        video.full_range,
        type(video.rate_fps)(RATE_FPS),
    )

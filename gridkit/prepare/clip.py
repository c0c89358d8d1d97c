"""One source clip to a kept row, or to the reason why not. Pure but for reading the file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import clip_id
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import AUDIO_SAMPLES, FRAMES, Clip, Reason
from gridkit.errors import ArchiveError, MediaError
from gridkit.media.codecs import encode_crop, encode_flac
from gridkit.media.crops import cut_crop
from gridkit.media.decode import Media, decode_clip
from gridkit.media.face import FaceTracker, LandmarkModel
from gridkit.media.profiles import CropProfile
from gridkit.media.samples import fit_length
from gridkit.media.video import Video
from gridkit.prepare.quality import flags_of, measure
from gridkit.prepare.rejection import SIZES_PX, Rejection, check_streams
from gridkit.prepare.sources import SourceFile


@dataclass(frozen=True)
class Task:
    """A source clip that is worth decoding: it is a sentence, and an alignment fits it."""

    file: SourceFile
    speaker: str
    code: str
    words: tuple[Word, ...]

    @property
    def id(self) -> str:
        """The clip id."""
        return clip_id(self.speaker, self.code)


@dataclass(frozen=True)
class Settings:
    """What decides the pixels and bytes of a row, besides the clip."""

    profiles: tuple[CropProfile, ...]
    lossless: bool
    landmark_model: LandmarkModel


def prepare_clip(task: Task, settings: Settings) -> Clip | Rejection:
    """Decode, check, track and crop one clip."""
    media = _read(task)
    if isinstance(media, Rejection):
        return media
    problem = check_streams(media)
    if problem is not None:
        return problem
    assert media.video is not None
    assert media.samples is not None
    track = tracker(settings.landmark_model).track(media.video.luma)
    if track.missing.all():
        return Rejection(Reason.NO_FACE, _why_no_face(media.video.luma, settings))
    quality = measure(media, media.samples, track, task.words)
    return Clip(
        id=task.id,
        speaker=task.speaker,
        code=task.code,
        text=text_of(task.code),
        words=task.words,
        audio_flac=encode_flac(fit_length(media.samples, AUDIO_SAMPLES)),
        crops=_crops(media.video, track.landmarks, settings.profiles, settings.lossless),
        landmarks=track.landmarks,
        quality=quality,
        flags=flags_of(quality, media.video.repeated_frames),
    )


def add_crops(task: Task, clip: Clip, settings: Settings) -> Clip:
    """Return a kept clip with the missing profiles added, cut by its stored landmarks.

    Raises:
        MediaError: the source clip is not what it was when the clip was kept.
    """
    missing = tuple(p for p in settings.profiles if p.name not in clip.crops)
    if not missing:
        return clip
    media = _read(task)
    if isinstance(media, Rejection) or media.video is None or len(media.video.luma) != FRAMES:
        raise MediaError(f"{task.file.key}: was kept before, and can no longer be decoded")
    crops = _crops(media.video, clip.landmarks, missing, settings.lossless)
    return replace(clip, crops={**clip.crops, **crops})


def _why_no_face(luma: np.ndarray, settings: Settings) -> str:
    upside_down = tracker(settings.landmark_model).track(luma[:, ::-1])
    if upside_down.missing.all():
        return f"no face found in any of {FRAMES} frames"
    return "the face is upside down; turn the pictures, or give the file a display matrix"


def _read(task: Task) -> Media | Rejection:
    try:
        return decode_clip(task.file.read(), only_sizes_px=SIZES_PX)
    except (MediaError, ArchiveError, OSError) as error:
        return Rejection(Reason.UNREADABLE, str(error))


def _crops(
    video: Video, landmarks: np.ndarray, profiles: tuple[CropProfile, ...], lossless: bool
) -> Mapping[str, bytes]:
    return {
        profile.name: encode_crop(cut_crop(video, landmarks, profile), lossless=lossless)
        for profile in profiles
    }


@cache
def tracker(model: LandmarkModel) -> FaceTracker:
    """Return the face tracker of a model, loaded once per process."""
    return FaceTracker(model)

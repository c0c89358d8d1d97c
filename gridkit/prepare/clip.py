"""One source clip to a kept row, or to the reason why not. Pure but for reading the file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import clip_id
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import (
    AUDIO_SAMPLES,
    FRAMES,
    RATE_FPS,
    SAMPLE_RATE_HZ,
    Clip,
    Flag,
    Quality,
    Reason,
)
from gridkit.errors import ArchiveError, MediaError
from gridkit.media.codecs import encode_crop, encode_flac
from gridkit.media.crops import cut_crop
from gridkit.media.decode import Media, decode_clip, fit_length
from gridkit.media.face import FaceTracker, LandmarkModel, Track
from gridkit.media.profiles import CropProfile
from gridkit.media.video import Video
from gridkit.prepare.sources import SourceFile

SIZES_PX = ((360, 288), (720, 576))
"""Width and height of GRID's two kinds of video."""
MIN_AUDIO_SAMPLES = 47_600
MIN_FIT = 0.6
MOUTH_CORNERS = (48, 54)


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


@dataclass(frozen=True)
class Rejection:
    """Why a clip is not kept."""

    reason: Reason
    detail: str


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
        return Rejection(Reason.NO_FACE, f"no face found in any of {FRAMES} frames")
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
        flags=flags_of(quality),
    )


def add_crops(task: Task, clip: Clip, settings: Settings) -> Clip:
    """Return a kept clip with the profiles it lacks, cut by its stored landmarks.

    Raises:
        MediaError: the source clip is not what it was when the clip was kept.
    """
    lacking = tuple(p for p in settings.profiles if p.name not in clip.crops)
    if not lacking:
        return clip
    media = _read(task)
    if isinstance(media, Rejection) or media.video is None or len(media.video.luma) != FRAMES:
        raise MediaError(f"{task.file.key}: was kept before, and can no longer be decoded")
    crops = _crops(media.video, clip.landmarks, lacking, settings.lossless)
    return replace(clip, crops={**clip.crops, **crops})


def check_streams(media: Media) -> Rejection | None:
    """Return why these streams are no GRID clip, None where they are one."""
    video = media.video
    if video is None:
        return Rejection(Reason.NO_VIDEO, "no picture can be decoded")
    frames, height, width = video.luma.shape
    if (width, height) not in SIZES_PX:
        known = " or ".join(f"{w} x {h}" for w, h in SIZES_PX)
        return Rejection(Reason.SIZE, f"pictures of {width} x {height}, not {known}")
    if video.rate_fps != RATE_FPS:
        return Rejection(
            Reason.FRAME_RATE, f"{float(video.rate_fps):.5g} frames a second, not {RATE_FPS}"
        )
    if frames != FRAMES:
        more = "or more " if frames > FRAMES else ""
        return Rejection(Reason.FRAME_COUNT, f"{frames} {more}frames, not {FRAMES}")
    if media.samples is None or not media.samples.any():
        what = "no sound can be decoded" if media.samples is None else "the sound is all zeros"
        return Rejection(Reason.NO_AUDIO, what)
    return None


def measure(media: Media, samples: np.ndarray, track: Track, words: tuple[Word, ...]) -> Quality:
    """Return the figures of a clip that is kept."""
    corners = track.landmarks[~track.missing][:, MOUTH_CORNERS].astype(float)
    mouth_px = np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1))
    return Quality(
        missing_faces=int(track.missing.sum()),
        faces=track.faces,
        blank_frames=int(track.blank.sum()),
        bad_packets=media.bad_packets,
        mouth_px=round(float(mouth_px), 1),
        fit=round(track.fit, 3),
        snr_db=round(snr_db(samples, words), 1),
        audio_samples=len(samples),
        clipped_samples=int(((samples == -32768) | (samples == 32767)).sum()),
    )


def snr_db(samples: np.ndarray, words: tuple[Word, ...]) -> float:
    """Return the level of what lies inside words over what lies outside, in dB.

    Each level is at least that of one step of 16 bits, so that digital silence stays finite.
    """
    spoken = np.zeros(len(samples), bool)
    for word in words:
        spoken[round(word.start_s * SAMPLE_RATE_HZ) : round(word.end_s * SAMPLE_RATE_HZ)] = True
    power = samples.astype(float) ** 2
    levels = [max(1.0, power[part].mean()) if part.any() else 1.0 for part in (spoken, ~spoken)]
    return float(10 * np.log10(levels[0] / levels[1]))


def flags_of(quality: Quality) -> tuple[Flag, ...]:
    """Return what is odd about a clip, in the order of `Flag`."""
    odd = {
        Flag.BLANK_FRAMES: quality.blank_frames > 0,
        Flag.INTERPOLATED: quality.missing_faces > 0,
        Flag.MANY_FACES: quality.faces > 1,
        Flag.LOW_FIT: quality.fit < MIN_FIT,
        Flag.AUDIO_SHORT: quality.audio_samples < MIN_AUDIO_SAMPLES,
        Flag.CLIPPED: quality.clipped_samples > 0,
        Flag.BAD_PACKETS: quality.bad_packets > 0,
    }
    return tuple(flag for flag, is_odd in odd.items() if is_odd)


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
    """Return the face tracker of a model, loaded once a process."""
    return FaceTracker(model)

"""What gridkit knows of a clip, as frozen records; the names of reasons and flags.

A clip is never lost in silence: every source clip becomes one `ManifestRow`, kept or rejected
with a reason. Kept clips also become one `Clip`, a row of a shard.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from gridkit.corpus.alignment import Word

FRAMES = 75
RATE_FPS = 25
CLIP_S = FRAMES / RATE_FPS
SAMPLE_RATE_HZ = 16_000
AUDIO_SAMPLES = 48_000
POINTS = 68


class Status(StrEnum):
    """What became of a source clip."""

    KEPT = "kept"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a source clip was rejected."""

    FRAME_COUNT = "frame-count"
    NO_AUDIO = "no-audio"
    NO_VIDEO = "no-video"
    UNREADABLE = "unreadable"
    NO_FACE = "no-face"
    NO_ALIGNMENT = "no-alignment"
    BAD_ALIGNMENT = "bad-alignment"
    CODE_MISMATCH = "code-mismatch"
    NOT_A_SENTENCE = "not-a-sentence"
    DUPLICATE = "duplicate"
    FRAME_RATE = "frame-rate"
    SIZE = "size"
    NOT_LOOKED_INTO = "not-looked-into"
    """An archive or a folder that cannot be opened: nobody knows how many clips are in it."""


class Flag(StrEnum):
    """What is odd about a kept clip."""

    BLANK_FRAMES = "blank-frames"
    INTERPOLATED = "interpolated"
    MANY_FACES = "many-faces"
    LOW_FIT = "low-fit"
    AUDIO_SHORT = "audio-short"
    CLIPPED = "clipped"
    BAD_PACKETS = "bad-packets"
    REPEATED_FRAMES = "repeated-frames"


@dataclass(frozen=True)
class Quality:
    """Figures of one clip, the `qc` column."""

    missing_faces: int
    """Frames in which no face was found; their landmarks are interpolated."""
    faces: int
    """Most faces seen in one frame."""
    blank_frames: int
    """Frames without a picture, as after a lost key frame."""
    bad_packets: int
    """Packets that could not be decoded, video and audio."""
    mouth_px: float
    """Median width of the mouth, in pixels of the source."""
    fit: float
    """How well the landmarks fit, 0 to 1; the lowest of the frames with a face."""
    snr_db: float
    """Level of speech over level of silence, by the alignment."""
    audio_samples: int
    """Samples at 16 kHz before cutting or padding."""
    clipped_samples: int
    """Samples at full scale."""


@dataclass(frozen=True)
class Clip:
    """A kept clip with all its data: one row of a shard."""

    id: str
    speaker: str
    code: str
    text: str
    words: tuple[Word, ...]
    audio_flac: bytes
    """FLAC, 16 kHz, mono, 16 bit, 48,000 samples."""
    crops: Mapping[str, bytes]
    """Profile name to MP4."""
    landmarks: np.ndarray
    """int16 (75, 68, 2), x and y in whole source pixels, unsmoothed."""
    quality: Quality
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class ManifestRow:
    """What became of one source clip: one row of the manifest."""

    source_path: str
    """The key: relative, with "/"; members of an archive as `archive!member`."""
    id: str | None
    speaker: str | None
    code: str | None
    status: Status
    reason: Reason | None = None
    detail: str | None = None
    """One line for a person: what exactly is wrong."""
    flags: tuple[Flag, ...] = ()
    quality: Quality | None = None
    splits: Mapping[str, str | None] = field(default_factory=dict)
    """Split name to subset; filled for kept clips."""
    shard: str | None = None
    """The shard's path inside the corpus, `data/s1-00000.parquet`."""
    row: int | None = None
    """The row inside the shard."""

"""Why a decoded clip is rejected: one rule per reason, the first that holds counts.

Rules look at the streams alone. Whether there is an alignment, a face or a GRID sentence at all is
decided where it is found out (`plan`, `clip`, `sources`).
"""

from dataclasses import dataclass

from gridkit.corpus.records import FRAMES, RATE_FPS, Reason
from gridkit.media.decode import Media
from gridkit.media.video import Video

SIZES_PX = ((360, 288), (720, 576))
"""Width and height of GRID's two kinds of video."""


@dataclass(frozen=True)
class Rejection:
    """Why a clip is not kept."""

    reason: Reason
    detail: str


def check_streams(media: Media) -> Rejection | None:
    """Return why these streams are not a GRID clip, None where they are one."""
    if media.video is None:
        return Rejection(Reason.NO_VIDEO, "no picture can be decoded")
    return (
        check_size(media.video)
        or check_frame_rate(media.video)
        or check_frame_count(media.video)
        or check_audio(media)
    )


def check_size(video: Video) -> Rejection | None:
    """Reject pictures that are neither 360 x 288 nor 720 x 576."""
    _, height, width = video.luma.shape
    if (width, height) in SIZES_PX:
        return None
    known = " or ".join(f"{w} x {h}" for w, h in SIZES_PX)
    return Rejection(Reason.SIZE, f"pictures of {width} x {height}, not {known}")


def check_frame_rate(video: Video) -> Rejection | None:
    """Reject a rate other than 25 frames per second."""
    if video.rate_fps == RATE_FPS:
        return None
    return Rejection(
        Reason.FRAME_RATE, f"{float(video.rate_fps):.5g} frames a second, not {RATE_FPS}"
    )


def check_frame_count(video: Video) -> Rejection | None:
    """Reject a clip that does not have 75 frames."""
    frames = len(video.luma)
    if frames == FRAMES:
        return None
    more = "or more " if frames > FRAMES else ""
    return Rejection(Reason.FRAME_COUNT, f"{frames} {more}frames, not {FRAMES}")


def check_audio(media: Media) -> Rejection | None:
    """Reject a clip without sound."""
    if media.samples is None:
        return Rejection(Reason.NO_AUDIO, "no sound can be decoded")
    if not media.samples.any():
        return Rejection(Reason.NO_AUDIO, "the sound is all zeros")
    return None

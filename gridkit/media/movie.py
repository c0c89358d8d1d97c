"""A movie made picture by picture, each with the sound of its 40 ms: H.264 and AAC in MP4.

Pictures and sound go to the encoder one at a time, in step, so that any length takes the same
memory. The file begins with its index (faststart); 4:2:0, BT.709 and sound at 48 kHz are what any
browser, phone and slide program plays. The number of threads is fixed: it would change the bytes.
"""

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from gridkit.corpus.records import RATE_FPS, SAMPLE_RATE_HZ
from gridkit.errors import NO_SPACE, DiskFullError, EnvironmentProblem
from gridkit.media.opening import address

SAMPLES_PER_PICTURE = SAMPLE_RATE_HZ // RATE_FPS
SOUND_RATE_HZ = 48_000
SOUND_BITS_PER_S = 128_000
THREADS = 2

_H264_OPTIONS = {"preset": "veryfast", "crf": "16", "profile": "high"}
_MP4_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}


@dataclass(frozen=True)
class Moment:
    """1/25 s of a movie."""

    picture: np.ndarray
    """uint8 (h, w, 3), RGB; height and width even, the same in the whole movie."""
    samples: np.ndarray
    """int16 (640,), 16 kHz: what is heard while the picture is shown."""


def write_movie(
    moments: Iterable[Moment], out: Path, progress: Callable[[], None] = lambda: None
) -> None:
    """Write a movie as MP4 at 25 fps; it is there whole or not at all.

    Args:
        moments: in order, one or more; taken one at a time.
        out: where to.
        progress: called after each moment.

    Raises:
        DiskFullError: no space is left.
        EnvironmentProblem: the file cannot be written.
    """
    unfinished = out.with_name(f".{out.name}.part")
    try:
        with av.open(address(unfinished), "w", format="mp4", options=_MP4_OPTIONS) as container:
            container.flags |= av.container.Flags.bitexact.value
            _encode(moments, container, progress)
        unfinished.replace(out)
    except (av.error.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        if error.errno in NO_SPACE:
            raise DiskFullError(f"no space left for {out}; free some and run again") from error
        if error.errno == errno.ENOENT and not out.parent.exists():
            reason = f"the folder {out.parent} does not exist"
        raise EnvironmentProblem(f"cannot write {out}: {reason}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _encode(
    moments: Iterable[Moment],
    container: av.container.OutputContainer,
    progress: Callable[[], None],
) -> None:
    video = container.add_stream("libx264", rate=RATE_FPS, options=_H264_OPTIONS)
    sound = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
    sound.bit_rate = SOUND_BITS_PER_S
    for index, moment in enumerate(moments):
        if index == 0:
            _describe(video.codec_context, moment.picture)
        container.mux(video.encode(_picture_frame(moment.picture, index)))
        container.mux(sound.encode(_sound_frame(moment.samples, index)))
        progress()
    container.mux(video.encode(None))
    container.mux(sound.encode(None))


def _describe(context: av.VideoCodecContext, picture: np.ndarray) -> None:
    """Set what a player must know of the pictures: without it, it guesses their colours."""
    context.height, context.width = picture.shape[:2]
    context.pix_fmt = "yuv420p"
    context.thread_count = THREADS
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709


def _picture_frame(picture: np.ndarray, index: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    frame.pts, frame.time_base = index, Fraction(1, RATE_FPS)
    return frame


def _sound_frame(samples: np.ndarray, index: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    frame.pts, frame.time_base = index * SAMPLES_PER_PICTURE, Fraction(1, SAMPLE_RATE_HZ)
    return frame

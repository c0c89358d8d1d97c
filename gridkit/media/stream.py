"""A video of any length, rate and size, one picture at a time: for reading and for captions.

`decode.py` decodes a whole clip exactly as GRID needs it. Here nothing is kept: pictures come
upright (a phone's clip has its rotation), with square pixels, in one size, at a steady rate,
each moment showing the picture that was on screen. Time stamps that start again, are missing or
damaged do no harm (`timeline.py`). A packet that fails is skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from gridkit.corpus.records import RATE_FPS
from gridkit.errors import MediaError
from gridkit.media.opening import AS_DECODED, Orientation, address, default_track, orientation
from gridkit.media.timeline import LONGEST_STILL_S, Timeline
from gridkit.media.video import Video, plane_pixels

STRETCHED_PIXEL = 4
"""A pixel that would be more times as wide as high, or as high as wide, counts as square."""


@dataclass(frozen=True)
class Picture:
    """One decoded picture, 4:2:0."""

    luma: np.ndarray
    """uint8 (H, W), C-contiguous; H and W even."""
    chroma: np.ndarray
    """uint8 (2, H/2, W/2)."""
    full_range: bool
    time_s: float
    """When it appears; the first one at 0."""


@dataclass(frozen=True)
class Part:
    """A rectangle of upright pictures with square pixels; all figures are even."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    def of(self, plane: np.ndarray, per_sample_px: int) -> np.ndarray:
        """Return the part of a plane (H, W) of which a sample is so many pixels wide: a view."""
        left, top, width, height = (
            figure // per_sample_px
            for figure in (self.left_px, self.top_px, self.width_px, self.height_px)
        )
        return plane[top : top + height, left : left + width]


@dataclass(frozen=True)
class StreamInfo:
    """What a file says of its pictures."""

    rate_fps: Fraction
    """25 where the file does not say."""
    length_s: float
    """0 where the file does not say."""


class PictureStream:
    """The pictures of a file, as a context manager.

    Args:
        path: of the file.
        widest_px: wider pictures are made smaller.
        part: of the pictures, in full size, that counts; made smaller where it is wider. None for
            the whole.

    Raises:
        MediaError: it is not a readable video.
    """

    def __init__(self, path: Path, widest_px: int | None = None, part: Part | None = None):
        self._path, self._widest_px, self._part = path, widest_px, part
        try:
            self._container = av.open(address(path))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError(f"{path} cannot be opened as a video: {reason}") from error
        stream = default_track(self._container.streams.video)
        if stream is None:
            self._container.close()
            raise MediaError(f"{path} has no video")
        self._stream = stream
        self._stream.thread_type = "AUTO"
        length = self._container.duration
        self.info = StreamInfo(
            Fraction(self._stream.average_rate or RATE_FPS),
            0.0 if length is None else length / av.time_base,
        )
        self._timeline = Timeline(float(1 / self.info.rate_fps))
        self.end_s = 0.0
        """When the last picture so far ends."""

    @property
    def origin_s(self) -> float:
        """Time stamp of the first picture, from which all times are counted; 0 before it came."""
        return self.offsets_s[0] if self.offsets_s else 0.0

    @property
    def offsets_s(self) -> list[float]:
        """What is taken off time stamps, since the first picture and since each of their leaps."""
        return self._timeline.offsets_s

    def __enter__(self) -> "PictureStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures as they are, with their times."""
        size: tuple[int, int] | None = None
        way = AS_DECODED
        stamped = ((frame, frame.time) for frame in self._frames())
        for frame, time_s in self._timeline.times(stamped):
            if size is None:
                width_px = frame.width * pixel_shape(self._stream.sample_aspect_ratio)
                widest_px = self._widest_px if self._part is None else None
                size = even_size(width_px, frame.height, widest_px)
                way = orientation(frame)
            stays_s = float(frame.duration * frame.time_base) if frame.duration else 0.0
            if not 0 < stays_s <= LONGEST_STILL_S:
                stays_s = float(1 / self.info.rate_fps)
            self.end_s = time_s + stays_s
            picture = _picture(frame, size, way, time_s)
            yield picture if self._part is None else cut_out(picture, self._part, self._widest_px)

    def at_rate(self, rate_fps: Fraction | int) -> Iterator[Picture]:
        """Yield pictures at a steady rate: in the middle of each frame, the one shown then."""
        step_s = float(1 / Fraction(rate_fps))
        count = 0
        shown: Picture | None = None
        for picture in self.pictures():
            while shown is not None and (count + 0.5) * step_s < picture.time_s:
                yield shown
                count += 1
            shown = picture
        if shown is not None:
            while count == 0 or (count + 0.5) * step_s < self.end_s:
                yield shown
                count += 1

    def _frames(self) -> Iterator[av.VideoFrame]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                return  # a file that breaks off ends there
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            yield from frames


def pixel_shape(aspect_ratio: Fraction | None) -> Fraction:
    """Return how wide a pixel is for its height.

    Args:
        aspect_ratio: as the file gives it; None or 0 where it does not.

    >>> pixel_shape(Fraction(64, 45)), pixel_shape(None), pixel_shape(Fraction(1, 1000))
    (Fraction(64, 45), Fraction(1, 1), Fraction(1, 1))
    """
    lowest = Fraction(1, STRETCHED_PIXEL)
    if not aspect_ratio or not lowest <= aspect_ratio <= STRETCHED_PIXEL:
        return Fraction(1)
    return aspect_ratio


def even_size(width_px: Fraction | int, height_px: int, widest_px: int | None) -> tuple[int, int]:
    """Return width and height as they will be, even and not wider than allowed.

    >>> even_size(1921, 1081, None), even_size(1920, 1080, 720)
    ((1920, 1080), (720, 404))
    """
    share = Fraction(1)
    if widest_px is not None:
        share = min(share, widest_px / Fraction(width_px))
    width, height = (max(2, int(side * share) // 2 * 2) for side in (width_px, height_px))
    return width, height


def cut_out(picture: Picture, part: Part, widest_px: int | None) -> Picture:
    """Return a part of a picture, not wider than allowed."""
    width, height = even_size(part.width_px, part.height_px, widest_px)

    def cut(plane: np.ndarray, per_sample_px: int) -> np.ndarray:
        size = (width // per_sample_px, height // per_sample_px)
        return cv2.resize(part.of(plane, per_sample_px), size, interpolation=cv2.INTER_AREA)

    chroma = np.stack([cut(plane, 2) for plane in picture.chroma])
    return replace(picture, luma=cut(picture.luma, 1), chroma=chroma)


def as_video(pictures: list[Picture], rate_fps: Fraction) -> Video:
    """Return pictures of one size as a clip."""
    return Video(
        np.stack([picture.luma for picture in pictures]),
        np.stack([picture.chroma for picture in pictures]),
        pictures[0].full_range,
        rate_fps,
    )


def _picture(
    frame: av.VideoFrame, size: tuple[int, int], way: Orientation, time_s: float
) -> Picture:
    full_range = (
        frame.color_range == av.video.reformatter.ColorRange.JPEG
        or frame.format.name.startswith("yuvj")
    )
    if (frame.width, frame.height) != size or frame.format.name not in ("yuv420p", "yuvj420p"):
        frame = frame.reformat(*size, format="yuvj420p" if full_range else "yuv420p")
    luma, *chroma = (way.upright(plane_pixels(plane)) for plane in frame.planes)
    return Picture(
        np.ascontiguousarray(luma), np.ascontiguousarray(np.stack(chroma)), full_range, time_s
    )

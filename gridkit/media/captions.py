"""Captions drawn into the pictures of a video; its sound is kept. Any length: pictures and
sound go through one at a time.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from gridkit.errors import MediaError
from gridkit.media.stream import Picture, PictureStream

MARGIN = 0.06
"""Share of the height, below the text."""
TEXT_HEIGHT = 0.07
"""Share of the height."""
SOUND_RATE_HZ = 48_000
ENCODING = {"preset": "veryfast", "crf": "18"}
HIGHEST_RATE_FPS = 120
"""A file that gives a higher rate is not believed."""


@dataclass(frozen=True)
class Caption:
    """A line of text, and from when to when it is shown."""

    start_s: float
    end_s: float
    text: str


def write_captioned(
    source: Path,
    captions: Sequence[Caption],
    out: Path,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write a video as MP4 with captions; pixels square, size and rate constant from now on.

    Args:
        source: the video.
        captions: in order of time, no two at once.
        out: where to; it is there whole or not at all.
        progress: called with how many seconds are written.

    Raises:
        MediaError: the video cannot be read, or the file not be written.
    """
    unfinished = out.with_name(f".{out.name}.part")
    try:
        with PictureStream(source) as stream:
            rate_fps = min(stream.info.rate_fps, Fraction(HIGHEST_RATE_FPS)).limit_denominator(1001)
            pictures = stream.at_rate(rate_fps)
            first = next(pictures, None)
            if first is None:
                raise MediaError(f"{source} has no picture that can be decoded")
            with av.open(str(unfinished), "w", format="mp4") as container:
                writer = _Writer(container, first, rate_fps, source, stream.info.first_s)
                writer.write(first, _text_at(captions, writer.written_s))
                for picture in pictures:
                    writer.write(picture, _text_at(captions, writer.written_s))
                    progress(writer.written_s)
                writer.close()
        unfinished.replace(out)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"cannot write {out}: {getattr(error, 'strerror', error)}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _text_at(captions: Sequence[Caption], time_s: float) -> str:
    last = bisect_right(captions, time_s, key=lambda caption: caption.start_s) - 1
    return captions[last].text if last >= 0 and time_s < captions[last].end_s else ""


class _Writer:
    """Encodes pictures, and before each one the sound up to it."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        first: Picture,
        rate_fps: Fraction,
        source: Path,
        origin_s: float,
    ):
        self._container, self._rate_fps, self._count = container, rate_fps, 0
        height, width = (side // 2 * 2 for side in first.luma.shape)
        self._video = container.add_stream("libx264", rate=rate_fps, options=ENCODING)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        if first.full_range:
            self._video.codec_context.color_range = av.video.reformatter.ColorRange.JPEG
        self._sound_frames = sound_frames(source, origin_s)
        self._next_sound = next(self._sound_frames, None)
        self._sound = None
        if self._next_sound is not None:
            self._sound = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")

    @property
    def written_s(self) -> float:
        return float(self._count / self._rate_fps)

    def write(self, picture: Picture, text: str) -> None:
        self._write_sound_until(self.written_s)
        planes = (_with_text(picture.luma, text), *picture.chroma)
        packed = np.concatenate([plane.reshape(-1) for plane in planes])
        frame = av.VideoFrame.from_ndarray(
            packed.reshape(-1, picture.luma.shape[1]), format="yuv420p"
        )
        self._container.mux(self._video.encode(frame))
        self._count += 1

    def close(self) -> None:
        self._write_sound_until(self.written_s)
        self._container.mux(self._video.encode(None))
        if self._sound is not None:
            self._container.mux(self._sound.encode(None))

    def _write_sound_until(self, time_s: float) -> None:
        while self._next_sound is not None and self._sound is not None:
            frame = self._next_sound
            if frame.pts > time_s * SOUND_RATE_HZ:
                return
            self._container.mux(self._sound.encode(frame))
            self._next_sound = next(self._sound_frames, None)


def sound_frames(source: Path, origin_s: float) -> Iterator[av.AudioFrame]:
    """Yield a file's sound as mono at 48 kHz, its time stamps counted from a moment.

    Args:
        source: the file.
        origin_s: the moment; what comes before is left out.
    """
    with av.open(str(source)) as container:
        if not container.streams.audio:
            return
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE_HZ)
        end = 0
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                for piece in resampler.resample(frame):
                    stamped = round(((piece.time or 0.0) - origin_s) * SOUND_RATE_HZ)
                    if stamped + piece.samples > 0:
                        piece.pts = end = max(stamped, end)
                        piece.time_base = Fraction(1, SOUND_RATE_HZ)
                        end += piece.samples
                        yield piece


def _with_text(luma: np.ndarray, text: str) -> np.ndarray:
    """Return a picture with a line of white text, edged in black, at the bottom."""
    if not text:
        return luma
    picture = luma.copy()
    height, width = picture.shape
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = cv2.getFontScaleFromHeight(font, max(8, int(height * TEXT_HEIGHT)))
    text_width = cv2.getTextSize(text, font, scale, 1)[0][0]
    scale *= min(1.0, 0.95 * width / text_width)
    text_width = cv2.getTextSize(text, font, scale, 1)[0][0]
    place = ((width - text_width) // 2, int(height * (1 - MARGIN)))
    letters = np.zeros_like(picture)
    cv2.putText(letters, text, place, font, scale, 255, 1, cv2.LINE_AA)
    # not the same text in bold beneath: newer fonts are wider then
    side = 2 * max(1, round(height / 150)) + 1
    picture[cv2.dilate(letters, np.ones((side, side), np.uint8)) > 0] = 0
    return np.maximum(picture, letters)

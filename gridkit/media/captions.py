"""Captions drawn into the pictures of a video; its sound is kept. Any length: pictures and
sound go through one at a time.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from gridkit.errors import MediaError
from gridkit.media.opening import address, default_track
from gridkit.media.stream import Picture, PictureStream
from gridkit.media.subtitles import Caption
from gridkit.media.tracks import add_pictures, add_sound, interleaved, moment_s, steady_rate

MARGIN = 0.06
"""Share of the height, below the text."""
TEXT_HEIGHT = 0.07
"""Share of the height."""
SOUND_RATE_HZ = 48_000


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
            rate_fps = steady_rate(stream.info)
            pictures = _captioned(stream.at_rate(rate_fps), captions, rate_fps)
            first = next(pictures, None)
            if first is None:
                raise MediaError(f"{source} has no picture that can be decoded")
            with av.open(address(unfinished), "w", format="mp4") as container:
                tracks = [add_pictures(container, first, pictures, rate_fps, progress)]
                sound = sound_frames(source, stream.origin_s)
                first_heard = next(sound, None)
                if first_heard is not None:
                    heard = chain([first_heard], sound)
                    tracks.append(add_sound(container, "aac", SOUND_RATE_HZ, heard))
                for packet in interleaved(*tracks):
                    if moment_s(packet) > stream.end_s:
                        break  # sound after the last picture
                    container.mux(packet)
        unfinished.replace(out)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"cannot write {out}: {getattr(error, 'strerror', error)}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _captioned(
    pictures: Iterator[Picture], captions: Sequence[Caption], rate_fps: Fraction
) -> Iterator[Picture]:
    for count, picture in enumerate(pictures):
        text = _text_at(captions, float(count / rate_fps))
        yield replace(picture, luma=_with_text(picture.luma, text))


def _text_at(captions: Sequence[Caption], time_s: float) -> str:
    last = bisect_right(captions, time_s, key=lambda caption: caption.start_s) - 1
    return captions[last].text if last >= 0 and time_s < captions[last].end_s else ""


def sound_frames(source: Path, origin_s: float) -> Iterator[av.AudioFrame]:
    """Yield a file's sound as mono at 48 kHz, its time stamps counted from a moment.

    Args:
        source: the file.
        origin_s: the moment; what comes before is left out.
    """
    with av.open(address(source)) as container:
        sound = default_track(container.streams.audio)
        if sound is None:
            return
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE_HZ)
        end = 0
        for packet in container.demux(sound):
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

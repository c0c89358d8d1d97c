"""Captions drawn into the pictures of a video; its sound is kept. Any length: pictures and
sound go through one at a time.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, groupby
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
import soxr

from gridkit.errors import MediaError
from gridkit.media.channels import mono_samples
from gridkit.media.opening import address, default_track
from gridkit.media.stream import Picture, PictureStream
from gridkit.media.subtitles import Caption
from gridkit.media.timeline import LONGEST_STILL_S, REORDERED_S
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
                sound = sound_frames(source, stream.origin_s, stream.offsets_s)
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


def sound_frames(
    source: Path, origin_s: float, offsets_s: Sequence[float] = ()
) -> Iterator[av.AudioFrame]:
    """Yield a file's sound as mono at 48 kHz, its time stamps counted from a moment.

    Args:
        source: the file.
        origin_s: the moment; what comes before is left out.
        offsets_s: what is taken off the time stamps of the pictures, as far as they came. Where
            time stamps of the sound start again, it stays in step with them.
    """
    with av.open(address(source)) as container:
        sound = default_track(container.streams.audio)
        if sound is None:
            return
        offset_s, end = origin_s, 0
        ended_s: float | None = None
        for piece in _at_sound_rate(_decoded(container, sound)):
            if piece.time is not None and ended_s is not None:
                offset_s = sound_offset_s(piece.time, ended_s, offset_s, offsets_s)
            time_s = (ended_s or 0.0) if piece.time is None else piece.time - offset_s
            ended_s = time_s + piece.samples / SOUND_RATE_HZ
            stamped = round(time_s * SOUND_RATE_HZ)
            if stamped + piece.samples > 0:
                piece.pts = end = max(stamped, end)
                piece.time_base = Fraction(1, SOUND_RATE_HZ)
                end += piece.samples
                yield piece


def original_sound(
    source: Path, offsets_s: Sequence[float], length_s: float, rate_hz: int
) -> np.ndarray | None:
    """Return a file's sound in step with its pictures, float32 (N,), -1 to 1; None without any.

    Args:
        source: the file.
        offsets_s: what is taken off the time stamps of the pictures; the first one is when they
            begin.
        length_s: how long they are.
        rate_hz: of the sound to return.
    """
    sound = np.zeros(round(length_s * SOUND_RATE_HZ), np.float32)
    is_there = False
    for frame in sound_frames(source, offsets_s[0], offsets_s):
        is_there = True
        part = sound[frame.pts : frame.pts + frame.samples]
        if not len(part):
            break  # sound after the last picture
        part[:] = frame.to_ndarray()[0][: len(part)]
    return soxr.resample(sound, SOUND_RATE_HZ, rate_hz) if is_there else None


def sound_offset_s(
    stamp_s: float, ended_s: float, offset_s: float, offsets_s: Sequence[float]
) -> float:
    """Return what to take off a time stamp of sound.

    Args:
        stamp_s: the time stamp.
        ended_s: when the sound before it ended.
        offset_s: what was taken off the time stamp of that.
        offsets_s: what is taken off those of the pictures.

    >>> sound_offset_s(0.02, 5.98, 0.0, [0.0, -3.0, -6.0]), sound_offset_s(0.5, 6.0, 0.0, [0.0])
    (-6.0, -5.5)
    """

    def gap_s(offset_s: float) -> float:
        return stamp_s - offset_s - ended_s

    if abs(gap_s(offset_s)) <= REORDERED_S:
        return offset_s
    possible = [
        known for known in (*offsets_s, offset_s) if -REORDERED_S <= gap_s(known) <= LONGEST_STILL_S
    ]
    return min(possible, key=lambda known: abs(gap_s(known)), default=stamp_s - ended_s)


def _decoded(
    container: av.container.InputContainer, sound: av.AudioStream
) -> Iterator[av.AudioFrame]:
    """Yield a track of sound; a packet that fails is skipped, a file that breaks off ends."""
    packets = container.demux(sound)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        yield from frames


def _at_sound_rate(frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """Yield sound as float mono at 48 kHz; its rate and number of channels may change."""
    for rate_hz, same_rate in groupby(frames, key=lambda frame: frame.sample_rate):
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE_HZ)
        for frame in chain(same_rate, [None]):
            mono = None if frame is None else _float_frame(mono_samples(frame), rate_hz)
            if frame is not None and mono is not None:
                mono.pts, mono.time_base = frame.pts, frame.time_base
            for piece in resampler.resample(mono):
                # a resampled sound may pass full scale between its samples
                limited = _float_frame(piece.to_ndarray()[0].clip(-1, 1), SOUND_RATE_HZ)
                limited.pts, limited.time_base = piece.pts, piece.time_base
                yield limited


def _float_frame(samples: np.ndarray, rate_hz: int) -> av.AudioFrame:
    """Return mono samples, full scale 1, as a frame without a time stamp."""
    packed = np.ascontiguousarray(samples[None], np.float32)
    frame = av.AudioFrame.from_ndarray(packed, format="fltp", layout="mono")
    frame.sample_rate = rate_hz
    return frame


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

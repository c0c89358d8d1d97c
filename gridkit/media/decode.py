"""Decode one clip into upright planes and sound, packet by packet, each stream by itself.

A packet that fails is skipped and counted; it never ends the clip. Nothing is trusted that the
container says of lengths: frames and samples are counted by decoding (MPEG program streams
report 0 frames).

Sound follows one rule: FFmpeg's fixed-point `mp2` decoder by name (`mp2float` differs by up to
6 steps), samples placed by their time stamps against the first video frame, the mean of the
channels by our own arithmetic (FFmpeg's down-mix multiplies by 1.414), 16 kHz by soxr VHQ.
"""

import io
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import soxr

from gridkit.corpus.records import FRAMES, RATE_FPS, SAMPLE_RATE_HZ
from gridkit.errors import MediaError
from gridkit.media.channels import channel_samples, mean_of_channels
from gridkit.media.opening import AS_DECODED, address, default_track, orientation
from gridkit.media.samples import to_int16
from gridkit.media.video import Video, plane_pixels

CLOCK_ROUNDING_S = 0.010
"""A sound frame this near to the end of the one before follows it without a gap: time stamps
are rounded (to 1 ms in Matroska). A lost MP2 packet leaves 26 ms."""

STEADY_CODECS = ("mpeg1video", "mpeg2video")
"""They have a picture for each frame: where one of GRID's is missing, the file is damaged."""
STEP_ROUNDING = 0.1
"""By how much of 40 ms a time stamp may be off where pictures were dropped."""

MAX_FRAMES = 250
MAX_SOUND_S = 60
"""Sound stamped later is cut: one damaged time stamp may say 26 hours."""
MAX_SIDE_PX = 4096


@dataclass(frozen=True)
class Media:
    """What one clip's streams hold."""

    video: Video | None
    """None: no video stream, or not one frame of it can be decoded."""
    samples: np.ndarray | None
    """int16 (N,), mono, 16 kHz, sample 0 at the first video frame. None: no sound."""
    bad_packets: int
    """Packets that failed to decode, in both streams."""


def decode_clip(
    source: Path | bytes,
    max_frames: int = MAX_FRAMES,
    only_sizes_px: Collection[tuple[int, int]] | None = None,
) -> Media:
    """Decode a clip in any container and codec that FFmpeg knows.

    Args:
        source: a file, or its content.
        max_frames: decoding stops one frame after this many, so that a file of hours does
            not fill the memory.
        only_sizes_px: accepted widths and heights; where the header gives another size,
            nothing is decoded, and the video has its size and no frame. None for any.

    Raises:
        MediaError: the file is not a readable video container, or its pictures are larger than
            4096 pixels on a side.
    """
    try:
        with av.open(_opened(source)) as container:
            return _decode_streams(container, max_frames, only_sizes_px)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"cannot be opened as a video: {_reason(error)}") from error


def probe_size(source: Path | bytes) -> tuple[int, int]:
    """Return width and height of a clip's picture from its header, without decoding frames.

    Raises:
        MediaError: the file is not a readable video container, or has no video stream.
    """
    try:
        with av.open(_opened(source)) as container:
            stream = default_track(container.streams.video)
            if stream is None:
                raise MediaError("no video stream")
            context = stream.codec_context
            return context.width, context.height
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"cannot be opened as a video: {_reason(error)}") from error


def _opened(source: Path | bytes) -> io.BytesIO | str:
    return io.BytesIO(source) if isinstance(source, bytes) else address(source)


def _decode_streams(
    container: av.container.InputContainer,
    max_frames: int,
    only_sizes_px: Collection[tuple[int, int]] | None,
) -> Media:
    video_stream = default_track(container.streams.video)
    sound_stream = default_track(container.streams.audio)
    pictures = _Pictures(video_stream, max_frames) if video_stream else None
    if pictures is not None and only_sizes_px and not pictures.may_have(only_sizes_px):
        return Media(pictures.no_frames(), None, 0)
    sound = _Sound(sound_stream) if sound_stream else None
    by_index = {part.index: part for part in (pictures, sound) if part is not None}
    for packet in _packets(container, list(by_index)):
        by_index[packet.stream.index].decode(packet)
        if pictures is not None and pictures.full:
            break
    first_picture_s = pictures.first_s if pictures is not None else 0.0
    samples = sound.mono_16khz(first_picture_s) if sound is not None else None
    sound_s = 0.0 if samples is None else len(samples) / SAMPLE_RATE_HZ
    return Media(
        pictures.video(sound_s) if pictures is not None else None,
        samples,
        sum(part.bad_packets for part in by_index.values()),
    )


def _packets(
    container: av.container.InputContainer, indices: list[int]
) -> Iterator[av.packet.Packet]:
    """Yield packets; a container that breaks off ends the clip there instead of losing it."""
    packets = container.demux([container.streams[index] for index in indices])
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        yield packet


class _Stream:
    """One stream's decoder, which outlives packets that fail."""

    def __init__(self, stream: av.stream.Stream, context: av.codec.context.CodecContext):
        self.index = stream.index
        self.bad_packets = 0
        self._stream = stream
        self._context = context

    def decode(self, packet: av.packet.Packet) -> None:
        try:
            frames = self._context.decode(packet)
        except av.error.FFmpegError:
            self.bad_packets += 1
            return
        for frame in frames:
            self.take(frame)

    def take(self, frame: av.frame.Frame) -> None:
        raise NotImplementedError

    def time_s(self, frame: av.frame.Frame) -> float | None:
        return None if frame.pts is None else float(frame.pts * self._stream.time_base)


class _Pictures(_Stream):
    def __init__(self, stream: av.video.stream.VideoStream, max_frames: int):
        super().__init__(stream, stream.codec_context)
        # one thread: processes are the unit of parallel work
        stream.codec_context.thread_count = 1
        self.size_px = (stream.codec_context.width, stream.codec_context.height)
        """As the header says; (0, 0) where it does not."""
        self.first_s = 0.0
        self.full = False
        self._rate_fps = Fraction(stream.average_rate or 0)
        self._max_frames = max_frames
        self._luma: list[np.ndarray] = []
        self._chroma: list[np.ndarray] = []
        self._full_range = False
        self._orientation = AS_DECODED
        self._times_s: list[float | None] = []

    def may_have(self, sizes_px: Collection[tuple[int, int]]) -> bool:
        """Whether the pictures may have one of these sizes, once they are upright."""
        width, height = self.size_px
        return (width, height) == (0, 0) or not {(width, height), (height, width)}.isdisjoint(
            sizes_px
        )

    def take(self, frame: av.frame.Frame) -> None:
        if max(frame.width, frame.height) > MAX_SIDE_PX:
            raise MediaError(f"pictures of {frame.width} x {frame.height} are too large")
        if not self._luma:
            self.first_s = self.time_s(frame) or 0.0
            self._shape = (frame.height, frame.width)
            self._orientation = orientation(frame)
            self._full_range = (
                frame.color_range == av.video.reformatter.ColorRange.JPEG
                or frame.format.name.startswith("yuvj")
            )
        elif (frame.height, frame.width) != self._shape:
            self.bad_packets += 1
            return
        if frame.format.name not in ("yuv420p", "yuvj420p"):
            frame = frame.reformat(format="yuv420p")
        luma, *chroma = (self._orientation.upright(plane_pixels(plane)) for plane in frame.planes)
        self._luma.append(luma)
        self._chroma.append(np.stack(chroma))
        self._times_s.append(self.time_s(frame))
        self.full = len(self._luma) > self._max_frames

    def no_frames(self) -> Video:
        width, height = self.size_px
        luma = np.empty((0, height, width), np.uint8)
        chroma = np.empty((0, 2, height // 2, width // 2), np.uint8)
        return Video(luma, chroma, self._full_range, self._rate_fps)

    def video(self, sound_s: float) -> Video | None:
        if not self._luma:
            return None
        drops = self._context.name not in STEADY_CODECS
        shown = shown_pictures(self._times_s, sound_s if drops else None)
        rate_fps = self._rate_fps if shown is None else RATE_FPS
        places = range(len(self._luma)) if shown is None else shown
        luma, chroma = (  # turned planes are not C-contiguous, and stay so
            np.ascontiguousarray(np.stack([planes[place] for place in places]))
            for planes in (self._luma, self._chroma)
        )
        repeated = len(places) - len(self._luma)
        return Video(luma, chroma, self._full_range, Fraction(rate_fps), repeated)


def shown_pictures(times_s: Sequence[float | None], sound_s: float | None) -> Sequence[int] | None:
    """Return which picture each frame of 25 per second shows, by their time stamps.

    Encoders of browsers drop up to half of the pictures where they are slow. The others stand where
    they stood, 40 ms apart or several times as much, and each stays until the next one.

    Args:
        times_s: time stamps in the order of the pictures; None where one has none.
        sound_s: how long the sound is: the last picture of a clip with dropped ones stays until it
            ends, in up to 75 frames. None where no picture can have been dropped.

    Returns:
        The index of a picture for each frame; None where the pictures do not stand so.
    """
    if is_steady(times_s):
        return range(len(times_s))
    stamps_s = [time_s for time_s in times_s if time_s is not None]
    if sound_s is None or len(stamps_s) < max(2, len(times_s)):
        return None
    steps = (np.array(stamps_s) - stamps_s[0]) * RATE_FPS
    frames = np.rint(steps).astype(int)
    apart = np.diff(frames)
    count = max(int(frames[-1]) + 1, min(FRAMES, math.ceil(sound_s * RATE_FPS - STEP_ROUNDING)))
    if np.abs(steps - frames).max() > STEP_ROUNDING or apart.min() != 1 or len(steps) < count / 2:
        return None
    return (np.searchsorted(frames, np.arange(count), side="right") - 1).tolist()


def is_steady(times_s: Sequence[float | None], rate_fps: int = RATE_FPS) -> bool:
    """Return whether pictures stand at a steady rate by their time stamps.

    Containers give rates that the pictures do not have: the streams of GRID, copied to MP4, MPEG-TS
    or AVI, are said to have 25.338, 0 and 50 pictures per second.

    Args:
        times_s: time stamps in the order of the pictures; None where one has none.
        rate_fps: the rate.
    """
    first_s = times_s[0] if times_s else None
    if first_s is None or len(times_s) < 2:
        return False
    half_s = 0.5 / rate_fps + 1e-6  # the last picture of an AVI has a guessed time, half a step off
    return all(
        time_s is not None and abs(time_s - first_s - index / rate_fps) <= half_s
        for index, time_s in enumerate(times_s)
    )


class _Sound(_Stream):
    def __init__(self, stream: av.audio.stream.AudioStream):
        context = stream.codec_context
        if context.name == "mp2float":
            context = av.codec.context.CodecContext.create("mp2", "r")
        super().__init__(stream, context)
        self._frames: list[tuple[float | None, np.ndarray]] = []
        self._rate_hz = 0

    def take(self, frame: av.frame.Frame) -> None:
        samples = channel_samples(frame)
        first = self._frames[0][1] if self._frames else samples
        other_rate = self._rate_hz not in (0, frame.sample_rate)
        if other_rate or len(samples) != len(first) or samples.dtype != first.dtype:
            self.bad_packets += 1
            return
        self._rate_hz = frame.sample_rate
        self._frames.append((self.time_s(frame), samples))

    def mono_16khz(self, first_picture_s: float) -> np.ndarray | None:
        if not self._frames:
            return None
        samples = mean_of_channels(_place(self._frames, self._rate_hz, first_picture_s))
        if self._rate_hz != SAMPLE_RATE_HZ:
            samples = soxr.resample(samples, self._rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
        return to_int16(samples)


def _place(
    frames: list[tuple[float | None, np.ndarray]], rate_hz: int, origin_s: float
) -> np.ndarray:
    """Lay sound frames (channels, N) out by their time stamps, on silence.

    Samples before 0, or after `MAX_SOUND_S`, are cut.
    """
    starts: list[int] = []
    end = 0
    for time_s, samples in frames:
        start = end
        if time_s is not None:
            stamped = round((time_s - origin_s) * rate_hz)
            if not starts or abs(stamped - end) > CLOCK_ROUNDING_S * rate_hz:
                start = stamped
        starts.append(start)
        end = start + samples.shape[1]
    first = frames[0][1]
    length = max(s + f.shape[1] for s, (_, f) in zip(starts, frames, strict=True))
    length = min(length, MAX_SOUND_S * rate_hz)
    silence = 128 if first.dtype == np.uint8 else 0
    track = np.full((len(first), max(0, length)), silence, first.dtype)
    for start, (_, samples) in zip(starts, frames, strict=True):
        cut = samples[:, max(0, -start) : max(0, length - start)]
        start = max(0, start)
        track[:, start : start + cut.shape[1]] = cut
    return track


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

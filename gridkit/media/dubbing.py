"""A video with another sound. Any length: packets go through one at a time.

Pictures are copied where the new file can hold them, with the times they have. They are encoded
again, upright and at a steady rate, where it cannot: a codec that players of MP4 do not know, time
stamps that are missing or leap, packets that an edited file hides.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path

import av
import av.error

from gridkit.corpus.records import RATE_FPS
from gridkit.errors import MediaError
from gridkit.media.opening import address, default_track
from gridkit.media.stream import PictureStream
from gridkit.media.subtitles import Caption
from gridkit.media.timeline import LONGEST_STILL_S
from gridkit.media.tracks import (
    add_captions,
    add_pictures,
    add_sound,
    interleaved,
    steady_rate,
)

FORMATS = {".mp4": "mp4", ".mkv": "matroska"}
"""By the end of a file's name."""
SOUND_CODECS = {"mp4": ("aac", 48_000), "matroska": ("flac", 16_000)}
"""Name, and rate in Hz: lossless where players of the format know such a codec."""
MP4_CODECS = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
"""Pictures that players of MP4 know. The format itself holds more."""
LONGEST_WAY = 16
"""A picture is decoded at most so many pictures before its turn."""


class _CannotCopy(Exception):
    """The pictures have to be encoded again; the message says why."""


def write_dubbed(
    source: Path,
    sound: Path,
    captions: Sequence[Caption],
    out: Path,
    file_format: str,
    progress: Callable[[float], None] = lambda _: None,
) -> str | None:
    """Write the pictures of a video with another sound, which begins with the first picture.

    Args:
        source: the video.
        sound: a mono WAV file.
        captions: in order of time; a track of text where there are some.
        out: where to.
        file_format: one of the values of `FORMATS`.
        progress: called with how many seconds of pictures are encoded.

    Returns:
        None where the pictures were copied, else why they were encoded again.

    Raises:
        MediaError: the video cannot be read, or be written in this format.
        OSError: the file cannot be written.
    """
    try:
        _write(source, sound, captions, out, file_format, None)
        return None
    except _CannotCopy as error:
        reason = str(error)
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        reason = f"{file_format} does not take them as they are"
    try:
        _write(source, sound, captions, out, file_format, progress)
        return reason
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise MediaError(f"cannot write {source} as {file_format}: {error.strerror}") from error


def _write(
    source: Path,
    sound: Path,
    captions: Sequence[Caption],
    out: Path,
    file_format: str,
    progress: Callable[[float], None] | None,
) -> None:
    """Write the file; pictures are copied where there is no `progress` of their encoding."""
    with (
        PictureStream(source) as stream,
        av.open(address(sound)) as heard,
        av.open(address(source)) as packets,
        av.open(address(out), "w", format=file_format) as container,
    ):
        if progress is None:
            next(stream.pictures(), None)  # says when the first one is
            pictures = _add_copied(container, packets, stream.origin_s)
        else:
            rate_fps = steady_rate(stream.info)
            shown = stream.at_rate(rate_fps)
            pictures = add_pictures(container, next(shown), shown, rate_fps, progress)
        codec, rate_hz = SOUND_CODECS[file_format]
        tracks = [pictures, add_sound(container, codec, rate_hz, heard.decode(audio=0))]
        if captions:
            tracks.append(add_captions(container, captions))
        for packet in interleaved(*tracks):
            container.mux(packet)


def _add_copied(
    container: av.container.OutputContainer, source: av.container.InputContainer, origin_s: float
) -> Iterator[av.Packet]:
    """Add a track with the pictures of a file as they are, their times counted from a moment.

    Raises:
        _CannotCopy: the format cannot hold them; while packets are taken, their times.
    """
    pictures = _pictures_of(source)
    codec = pictures.codec.canonical_name
    if container.format.name == "mp4" and codec not in MP4_CODECS:
        raise _CannotCopy(f"players of MP4 do not know {codec}")
    if not {codec, pictures.codec.name} & container.supported_codecs:
        raise _CannotCopy(f"{container.format.name} does not hold {codec}")
    # `opaque`: from its parameters alone. Else PyAV looks for an encoder with the decoder's name
    stream = container.add_stream_from_template(pictures, opaque=True)
    origin = round(Fraction(origin_s) / pictures.time_base)
    leap = round(LONGEST_STILL_S / pictures.time_base)
    step = max(1, round(1 / ((pictures.average_rate or RATE_FPS) * pictures.time_base)))

    def packets() -> Iterator[av.Packet]:
        latest, latest_dts = origin, None
        for packet in _stamped(_whole_packets(source), step):
            if packet.is_discard:
                raise _CannotCopy("an edit hides some of them")
            goes_back = latest_dts is not None and packet.dts < latest_dts
            if goes_back or abs(packet.pts - latest) > leap:
                raise _CannotCopy("their time stamps leap")
            latest, latest_dts = max(latest, packet.pts), packet.dts
            if packet.pts >= origin:  # else it cannot be decoded
                packet.pts, packet.dts = packet.pts - origin, packet.dts - origin
                packet.stream = stream
                yield packet

    return packets()


def _stamped(packets: Iterator[av.Packet], step: int) -> Iterator[av.Packet]:
    """Yield packets that all say when they are decoded: Matroska does not.

    That is a step before the next one, and for each one before it is shown.

    Raises:
        _CannotCopy: one does not say when it is shown.
    """
    ahead: deque[av.Packet] = deque()
    for packet in chain(packets, repeat(None, LONGEST_WAY)):
        if packet is not None:
            if packet.pts is None:
                raise _CannotCopy("they do not say when they are shown")
            ahead.append(packet)
        if ahead and (packet is None or len(ahead) > LONGEST_WAY):
            if ahead[0].dts is None:
                ahead[0].dts = min(
                    (later.pts if later.dts is None else later.dts) - way * step
                    for way, later in enumerate(ahead)
                )
            yield ahead.popleft()


def _pictures_of(source: av.container.InputContainer) -> av.VideoStream:
    stream = default_track(source.streams.video)
    assert stream is not None  # `PictureStream` has found it
    return stream


def _whole_packets(source: av.container.InputContainer) -> Iterator[av.Packet]:
    """Yield the packets of the pictures; a file that breaks off ends there."""
    packets = source.demux(_pictures_of(source))
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        if packet.size:
            yield packet

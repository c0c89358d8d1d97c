"""The tracks of a video that is written: pictures, sound and captions, as packets in order of time.

Each function adds one track to a file, and returns its packets, which are made as they are taken.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import av
import numpy as np

from gridkit.media.stream import Picture, StreamInfo
from gridkit.media.subtitles import Caption

ENCODING = {"preset": "veryfast", "crf": "18"}
HIGHEST_RATE_FPS = 120
"""A file that gives a higher rate is not believed."""
CAPTION_TICKS_HZ = 1000


def steady_rate(info: StreamInfo) -> Fraction:
    """Return the pictures per second of a video that is encoded again."""
    return min(info.rate_fps, Fraction(HIGHEST_RATE_FPS)).limit_denominator(1001)


def add_pictures(
    container: av.container.OutputContainer,
    first: Picture,
    others: Iterable[Picture],
    rate_fps: Fraction,
    progress: Callable[[float], None] = lambda _: None,
) -> Iterator[av.Packet]:
    """Add a track of H.264.

    Args:
        container: of the file.
        first: picture of the video.
        others: all that follow it, of the same size.
        rate_fps: of the pictures, steady.
        progress: called with how many seconds are encoded.
    """
    stream = container.add_stream("libx264", rate=rate_fps, options=ENCODING)
    stream.height, stream.width = (side // 2 * 2 for side in first.luma.shape)
    stream.pix_fmt = "yuv420p"
    if first.full_range:
        stream.codec_context.color_range = av.video.reformatter.ColorRange.JPEG

    def packets() -> Iterator[av.Packet]:
        yield from stream.encode(_frame(first))
        for count, picture in enumerate(others, start=2):
            yield from stream.encode(_frame(picture))
            progress(float(count / rate_fps))
        yield from stream.encode(None)

    return packets()


def add_sound(
    container: av.container.OutputContainer,
    codec: str,
    rate_hz: int,
    frames: Iterable[av.AudioFrame],
) -> Iterator[av.Packet]:
    """Add a track of mono sound; its frames may have another rate."""
    stream = container.add_stream(codec, rate=rate_hz, layout="mono")

    def packets() -> Iterator[av.Packet]:
        for frame in frames:
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return packets()


def add_captions(
    container: av.container.OutputContainer, captions: Iterable[Caption]
) -> Iterator[av.Packet]:
    """Add a track of text that players show unless it is switched off; MP4 or Matroska."""
    is_mp4 = container.format.name == "mp4"
    stream = container.add_mux_stream("mov_text" if is_mp4 else "subrip")
    stream.time_base = Fraction(1, CAPTION_TICKS_HZ)
    stream.metadata["language"] = "eng"
    stream.disposition = av.stream.Disposition.default

    def packets() -> Iterator[av.Packet]:
        for caption in captions:
            text = caption.text.encode()
            packet = av.Packet(len(text).to_bytes(2, "big") + text if is_mp4 else text)
            packet.stream, packet.time_base = stream, Fraction(1, CAPTION_TICKS_HZ)
            packet.pts = packet.dts = round(caption.start_s * CAPTION_TICKS_HZ)
            packet.duration = round(caption.end_s * CAPTION_TICKS_HZ) - packet.pts
            yield packet

    return packets()


def interleaved(*tracks: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Yield the packets of all tracks in order of time, none earlier than it is needed."""
    return heapq.merge(*tracks, key=moment_s)


def moment_s(packet: av.Packet) -> float:
    """Return when a packet has to be decoded, in seconds."""
    return float((packet.dts or 0) * packet.time_base)


def _frame(picture: Picture) -> av.VideoFrame:
    planes = (picture.luma, *picture.chroma)
    packed = np.concatenate([plane.reshape(-1) for plane in planes])
    return av.VideoFrame.from_ndarray(packed.reshape(-1, picture.luma.shape[1]), format="yuv420p")

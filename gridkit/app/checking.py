"""A visitor's file is looked at before it is read: what it is, how large, how long."""

from pathlib import Path

import av
import av.error

from gridkit.errors import MediaError
from gridkit.media.opening import address, default_track

CONTAINERS = (
    "3g2,3gp,asf,avi,flv,h264,hevc,ivf,m4v,matroska,mj2,mov,mp4,mpeg,mpegts,mpegvideo,mxf,nut,"
    "ogg,webm,yuv4mpegpipe,"
    "aac,flac,mp3,wav"
)
"""Of files that are opened at all; the last ones to say that they hold sound. A playlist, which
names other files, is none of them."""
LARGEST_SIDE_PX = 4096


def check_clip(path: Path, name: str, longest_s: float) -> float:
    """Look at a file, and return how long it is, in s; 0 where only decoding would tell.

    Args:
        path: of the file.
        name: what its visitor calls it, for messages.
        longest_s: what is allowed.

    Raises:
        MediaError: it is empty, is not a video, or is larger or longer than what is allowed.
    """
    if path.stat().st_size == 0:
        raise MediaError(f"{name} is empty: it has 0 bytes")
    limited = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        with av.open(address(path), options=limited) as container:
            stream = default_track(container.streams.video)
            if stream is None:
                raise MediaError(f"{name} has no pictures, only sound; lips cannot be read in it")
            _check_size(stream, name)
            length_s = _length_s(container, stream)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{name} is not a video that can be opened; take an MP4, MOV, WebM, MKV, AVI or MPG"
        ) from error
    if length_s > longest_s:
        raise too_long(name, longest_s, length_s)
    return length_s


def too_long(name: str, longest_s: float, length_s: float | None = None) -> MediaError:
    """Return what is said of a clip that is longer than what is allowed."""
    how_long = "" if length_s is None else f" {_minutes(length_s)}: this is"
    return MediaError(
        f"{name} is{how_long} longer than the {_minutes(longest_s)} that are read here; "
        "cut out a part"
    )


def _minutes(time_s: float) -> str:
    """Return a length as a person says it.

    >>> _minutes(600), _minutes(3605), _minutes(20)
    ('10 minutes', '60 minutes', '20 seconds')
    """
    return f"{time_s:.0f} seconds" if time_s < 90 else f"{time_s / 60:.0f} minutes"


def _check_size(stream: av.VideoStream, name: str) -> None:
    width_px, height_px = stream.codec_context.width, stream.codec_context.height
    if max(width_px, height_px) > LARGEST_SIDE_PX:
        raise MediaError(
            f"the pictures of {name} are {width_px} x {height_px}; up to {LARGEST_SIDE_PX} pixels "
            "a side are read here: make them smaller, 720 pixels are enough"
        )


def _length_s(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Return how long a clip is: by its head, else by its last packet, as browsers record it."""
    if container.duration is not None:
        return container.duration / av.time_base
    last = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None:
            last = max(last, float(packet.pts * packet.time_base))
    return last

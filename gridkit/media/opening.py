"""How a media file is opened, which of its tracks count, and which way up its pictures are.

Players show and play the track that is marked default, turn and mirror pictures as the display
matrix says, and open files whose names hold a colon; so does everything here.

Source: ISO/IEC 14496-12, 8.3.2 (track header: `matrix`, in 16.16 fixed point).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.sidedata.sidedata import Type

Stream = TypeVar("Stream", av.VideoStream, av.AudioStream)


def address(path: Path) -> str:
    """Return what FFmpeg opens as this file: without it `12:30.mp4` is a protocol called `12`.

    >>> address(Path("12:30.mp4"))
    'file:12:30.mp4'
    """
    return f"file:{path}"


def default_track(streams: Sequence[Stream]) -> Stream | None:
    """Return the track that players show or play: the first one marked default, else the first.

    A picture of a cover is not a track of pictures. None where there is no track.
    """
    cover = av.stream.Disposition.attached_pic
    tracks = [stream for stream in streams if not stream.disposition & cover]
    marked = (stream for stream in tracks if stream.disposition & av.stream.Disposition.default)
    return next(marked, None) or next(iter(tracks), None)


@dataclass(frozen=True)
class Orientation:
    """How decoded pictures are turned to be shown: swap the axes, then flip them."""

    is_transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    def upright(self, plane: np.ndarray) -> np.ndarray:
        """Return a plane (H, W) as it is shown: a view, not C-contiguous where it is turned."""
        plane = plane.T if self.is_transposed else plane
        return plane[:: -1 if self.flips_y else 1, :: -1 if self.flips_x else 1]


AS_DECODED = Orientation()


def orientation(frame: av.VideoFrame) -> Orientation:
    """Return how a frame is to be turned, in steps of 90 degrees, and mirrored.

    Ask for one frame of a file: PyAV keeps a frame whose side data were asked for until Python's
    garbage is collected.
    """
    data = frame.side_data.get(Type.DISPLAYMATRIX) if len(frame.side_data) else None
    if data is None:
        return AS_DECODED
    a, b, _, c, d, *_ = np.frombuffer(bytes(data), np.int32)[:9].tolist()
    # x' = a x + c y, y' = b x + d y
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)

"""Decoded pictures of one clip, as planes."""

from dataclasses import dataclass
from fractions import Fraction

import av.video.plane
import numpy as np


@dataclass(frozen=True)
class Video:
    """Frames of a clip as 4:2:0 planes, upright, otherwise exactly as decoded.

    Nothing is converted to RGB: faces are found on `luma`, and crops are cut from the planes.
    """

    luma: np.ndarray
    """uint8 (T, H, W), C-contiguous."""
    chroma: np.ndarray
    """uint8 (T, 2, ceil(H/2), ceil(W/2)), Cb and Cr, C-contiguous."""
    full_range: bool
    """False: luma 16-235 and chroma 16-240 (BT.601, as MPEG-1); True: 0-255."""
    rate_fps: Fraction
    repeated_frames: int = 0
    """Frames in the place of pictures that an encoder dropped: each is the one before it."""


@dataclass(frozen=True)
class Planes:
    """Frames of one crop as 4:2:0 planes, full range (0-255)."""

    luma: np.ndarray
    """uint8 (T, h, w), C-contiguous; h and w even."""
    chroma: np.ndarray | None
    """uint8 (T, 2, h/2, w/2), Cb and Cr, C-contiguous; None for a gray crop."""


def plane_pixels(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """Return a decoded plane as a uint8 (h, w) view without the padding of its rows.

    The view is not C-contiguous where rows are padded: copy it before dlib sees it.
    """
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]

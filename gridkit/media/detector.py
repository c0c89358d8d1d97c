"""Where faces are: dlib's frontal detector on few frames, and the square its 68 points start from.

The detector finds faces of about 80 px and more (40 px where the picture is first enlarged to
twice its size, "upsampled once"), at 5 and 25 ms per frame of 360 x 288. Larger pictures are made
smaller first, so that GRID's 720 x 576 costs the same. dlib gets C-contiguous arrays only: with
padded rows it misses faces, erratically. It is never shared by threads: two that ask it at once get
wrong boxes in one of six calls, without an error. (Its shape predictor may be shared.)
"""

import math
import threading
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from typing import Any

import cv2
import numpy as np

DETECTOR_FILE = "frontal_face_detector.svm"
"""What `dlib.get_frontal_face_detector()` unpacks from its program in 0.3 s, as it saves it."""
DETECTOR_NAME = "dlib frontal face detector (HOG)"
WORKING_WIDTH_PX = 360
CLOSE_WIDTH_PX = 1920
"""For a close look; more would need gigabytes."""
SMALLEST_PX = 80
"""Side of the smallest face that is found in a picture of the size in which it is looked for."""
CLEARLY_UPRIGHT = 1.2
"""A detection so confident is not doubted. What is found in hair and chins of faces that are upside
down has 1.15 at most (1,063 clips of GRID, turned and mirrored)."""
MORE_UPSIDE_DOWN = 0.25
"""A face found upside down with so much more confidence is the one that is there. Real faces have
0.49 more than what is found in them upside down, or more; only the damaged s1/pbio7a has less."""
DOUBTED_SIDES = 2.7
"""Side of the region in which a face is looked for upside down: it may be larger than what was
found, and beside it."""
NEAR_SIDES = 1.7
"""Side of the region searched around a known face, in sides of its box."""
SAME_FACE_OVERLAP = 0.3

# The detector's box on GRID faces, against the points found in it: means over 17 speakers.
SIDE_PER_RADIUS = 2.77
DROP_PER_RADIUS = -0.148


@dataclass(frozen=True)
class Box:
    """A square around a face, in source pixels; its middle may be between pixels."""

    x_px: float
    y_px: float
    side_px: float
    confidence: float = field(default=math.inf, compare=False)
    """dlib's, above 0: 0.9 and more in most of GRID's frames, whoever it is. None of its own where
    the box was not detected."""

    def overlap(self, other: "Box") -> float:
        """Return shared area over joint area, 0 to 1."""
        reach = (self.side_px + other.side_px) / 2
        narrower = min(self.side_px, other.side_px)
        width = min(max(reach - abs(self.x_px - other.x_px), 0.0), narrower)
        height = min(max(reach - abs(self.y_px - other.y_px), 0.0), narrower)
        shared = width * height
        return shared / (self.side_px**2 + other.side_px**2 - shared)


def box_of(points: np.ndarray) -> Box:
    """Return the box in which the detector would have found these points, (68, 2)."""
    middle = np.add.reduce(points) / len(points)
    off = points - middle
    radius = math.sqrt(np.vdot(off, off) / len(points))
    return Box(
        x_px=float(middle[0]),
        y_px=float(middle[1]) + DROP_PER_RADIUS * radius,
        side_px=SIDE_PER_RADIUS * radius,
    )


class OwnDetector(threading.local):
    """dlib's detector, read once by each thread that asks for it, in 0.04 s."""

    def __init__(self) -> None:
        import dlib

        with as_file(files("gridkit.media") / "data" / DETECTOR_FILE) as path:
            self.dlib: Any = dlib.fhog_object_detector(str(path))


class FaceDetector:
    """dlib's detector on whole frames, and near a face that is known already.

    Threads may share it: each has a detector of its own inside.

    Args:
        working_width_px: frames about so wide are looked at; larger ones are made smaller.
    """

    def __init__(self, working_width_px: int = WORKING_WIDTH_PX) -> None:
        self._working_width_px = working_width_px
        self._own = OwnDetector()

    def look(self, frame: np.ndarray, *, enlarge: bool = False) -> list[Box]:
        """Return the faces of one frame, uint8 (H, W); `enlarge` finds half as large ones."""
        shrink = shrink_factor(frame.shape[1], self._working_width_px)
        found = self._detect(frame, shrink, enlarge)
        return [box for box in found if self._is_upright(frame, box, shrink, enlarge)]

    def look_closely(self, frame: np.ndarray) -> list[Box]:
        """Return also the small faces of one large frame, in 0.1 s (`smallest_closely_px`)."""
        return self._detect(frame, shrink_factor(frame.shape[1], CLOSE_WIDTH_PX), enlarge=False)

    def look_near(self, frame: np.ndarray, box: Box) -> list[Box]:
        """Return the faces in the region around a box, in 2 ms."""
        region, left, top = _around(frame, box, NEAR_SIDES)
        if min(region.shape) < box.side_px / 2:
            return []
        shrink = shrink_factor(frame.shape[1], self._working_width_px)
        found = (
            replace(found, x_px=found.x_px + left, y_px=found.y_px + top)
            for found in self._detect(region, shrink, enlarge=False)
        )
        return [face for face in found if self._is_upright(frame, face, shrink, enlarge=False)]

    def _is_upright(self, frame: np.ndarray, box: Box, shrink: int, enlarge: bool) -> bool:
        """Return whether a detection is no part of a face that is upside down.

        dlib finds faces in four of five such clips, in hair and chins. Turned over, the face itself
        is found there, with more confidence.
        """
        if box.confidence >= CLEARLY_UPRIGHT:
            return True
        region, left, top = _around(frame, box, DOUBTED_SIDES)
        bottom = top + len(region) - 1
        turned = (
            replace(found, x_px=found.x_px + left, y_px=bottom - found.y_px)
            for found in self._detect(region[::-1], shrink, enlarge)
        )
        return not any(
            face.confidence >= box.confidence + MORE_UPSIDE_DOWN and face.overlap(box) > 0
            for face in turned
        )

    def _detect(self, picture: np.ndarray, shrink: int, enlarge: bool) -> list[Box]:
        height, width = picture.shape
        picture = np.ascontiguousarray(picture)
        if shrink > 1:
            size = (width // shrink, height // shrink)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        found_boxes, confidences, _ = self._own.dlib.run(picture, int(enlarge), 0.0)
        return [
            Box(
                x_px=((found.left() + found.right() + 1) * shrink - 1) / 2,
                y_px=((found.top() + found.bottom() + 1) * shrink - 1) / 2,
                side_px=found.width() * shrink,
                confidence=confidence,
            )
            for found, confidence in zip(found_boxes, confidences, strict=True)
        ]


def shrink_factor(width_px: int, working_width_px: int = WORKING_WIDTH_PX) -> int:
    """Return by how much a whole frame is made smaller before faces are looked for."""
    return max(1, round(width_px / working_width_px))


def _around(frame: np.ndarray, box: Box, sides: float) -> tuple[np.ndarray, int, int]:
    """Return the region around a box, so many of its sides wide, and its left and top edge."""
    half = sides * box.side_px / 2
    top, left = (max(0, round(middle - half)) for middle in (box.y_px, box.x_px))
    bottom, right = (max(0, round(middle + half)) for middle in (box.y_px, box.x_px))
    return frame[top:bottom, left:right], left, top


def smallest_face_px(width_px: int) -> int:
    """Return the side of the smallest face that is found, enlarged, in pictures so wide.

    >>> smallest_face_px(360), smallest_face_px(720)
    (40, 80)
    """
    return SMALLEST_PX * shrink_factor(width_px) // 2


def smallest_closely_px(width_px: int) -> int:
    """Return the side of the smallest face that is found by a close look.

    >>> smallest_closely_px(1920), smallest_closely_px(3840)
    (80, 160)
    """
    return SMALLEST_PX * shrink_factor(width_px, CLOSE_WIDTH_PX)


def same_place(boxes: list[Box], place: Box) -> Box | None:
    """Return the box that overlaps a place most, None where none does so by a third or so."""
    near = [box for box in boxes if box.overlap(place) >= SAME_FACE_OVERLAP]
    return max(near, key=place.overlap, default=None)


def prominence(box: Box, width_px: int, height_px: int) -> float:
    """Return how much a face is the main one: its area, a third of it at a picture's edge."""
    off_centre = math.hypot(2 * box.x_px / width_px - 1, 2 * box.y_px / height_px - 1)
    return box.side_px**2 / (1 + 2 * off_centre**2)

"""Which part of large pictures to look at, where the faces are too small for the whole.

Pictures wider than 720 px are made so wide before a face is followed. A face of 190 px in 4K, or of
95 px in 1080p, is then too small to be found, and would be too small to be read. So some pictures
are looked at beforehand, closely where need be, and what is read is the part around the face in
full size.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridkit.media.detector import (
    SMALLEST_PX,
    WORKING_WIDTH_PX,
    Box,
    FaceDetector,
    smallest_closely_px,
    smallest_face_px,
)
from gridkit.media.stream import Part, Picture, PictureStream

LOOK_EVERY_S = 1.0
LOOK_EVERY_SHARE = 0.05
"""After 20 s looks are further apart, by this share of the time: 124 in an hour without a face."""
SURE = 0.5
"""Confidence of a face that is one: 0.56 and more in GRID, mostly less in what is none."""
ENOUGH_LOOKS = 10
"""So many pictures with a face say where it is."""
REACH_SIDES = 2.0
"""A person's face stays within so many of its sides, and another one does so less."""
MARGIN_SIDES = 1.5
"""Room around the faces that were seen, in sides of the largest."""
STABLE_SHARE = 0.5
"""Who is in fewer of the pictures with a face is nobody, or passes by."""


READ_PX = 160
"""Faces larger than that are made so large: nothing more can be read in more pixels."""
MOST_PIXELS = 600_000
"""Of a part, once it is made smaller: pictures are held in memory for 6 s."""


@dataclass(frozen=True)
class Look:
    """How the pictures of a video are to be looked at."""

    part: Part | None
    """The part that counts; None for the whole picture."""
    widest_px: int
    """Wider ones are made so wide."""
    working_width_px: int
    """Faces are then looked for in pictures made about so wide."""
    smallest_px: int
    """The side of the smallest face that would be found in the video."""


def look_for_faces(path: Path, widest_px: int) -> Look:
    """Look at pictures, one per second at first, until it is clear where the faces are.

    Args:
        path: of the video.
        widest_px: how wide pictures are when faces are followed.

    Raises:
        MediaError: it is not a readable video.
    """
    detector = FaceDetector()
    looks: list[list[Box]] = []
    size_px = (0, 0)
    with PictureStream(path) as stream:
        for picture in _some(stream.pictures()):
            size_px = picture.luma.shape
            if size_px[1] <= widest_px or _is_large_enough(detector, picture):
                smallest_px = smallest_face_px(min(size_px[1], widest_px))
                return Look(None, widest_px, WORKING_WIDTH_PX, smallest_px)
            looks += [boxes] if (boxes := detector.look_closely(picture.luma)) else []
            if len(looks) == ENOUGH_LOOKS:
                break
    height_px, width_px = size_px
    smallest_px = smallest_closely_px(width_px)
    if not looks:
        return Look(None, widest_px, WORKING_WIDTH_PX, smallest_px)
    part, scale = part_with(looks, width_px, height_px)
    part_px = round(part.width_px * scale)
    return Look(part, part_px, part_px, smallest_px)


def part_with(looks: list[list[Box]], width_px: int, height_px: int) -> tuple[Part, float]:
    """Return the part of a picture that holds the faces that were seen, and its scale.

    It holds the most prominent one, and others as long as none becomes too small to be found.

    Args:
        looks: the faces of some pictures, at least one in each.
        width_px: of the pictures.
        height_px: of the pictures.
    """
    chosen, *others = _people([box for boxes in looks for box in boxes])
    part = _around(chosen, width_px, height_px)
    scale = _scale(part, chosen)
    for person in others:
        wider = _around(chosen + person, width_px, height_px)
        smaller = _scale(wider, chosen + person)
        smallest_px = smaller * min(box.side_px for box in chosen + person)
        if len(person) >= STABLE_SHARE * len(looks) and smallest_px >= SMALLEST_PX:
            chosen, part, scale = chosen + person, wider, smaller
    return part, scale


def _scale(part: Part, boxes: list[Box]) -> float:
    """Return how large a part with these faces is made, at most its own size."""
    smallest_px = min(box.side_px for box in boxes)
    fitting = math.sqrt(MOST_PIXELS / (part.width_px * part.height_px))
    return min(1.0, READ_PX / smallest_px, fitting)


def _is_large_enough(detector: FaceDetector, picture: Picture) -> bool:
    """Return whether a face is surely found in the whole picture, made small."""
    return any(
        box.confidence >= SURE
        for enlarge in (False, True)
        for box in detector.look(picture.luma, enlarge=enlarge)
    )


def _some(pictures: Iterator[Picture]) -> Iterator[Picture]:
    next_s = 0.0
    for picture in pictures:
        if picture.time_s >= next_s:
            yield picture
            next_s = picture.time_s + max(LOOK_EVERY_S, LOOK_EVERY_SHARE * picture.time_s)


def _people(boxes: list[Box]) -> list[list[Box]]:
    """Return boxes that are near each other, the most prominent group first."""

    def near(box: Box) -> list[Box]:
        reach_px = REACH_SIDES * box.side_px
        return [
            other
            for other in boxes
            if max(abs(other.x_px - box.x_px), abs(other.y_px - box.y_px)) <= reach_px
        ]

    people = []
    while boxes:
        person = max(
            map(near, boxes), key=lambda group: sum(b.confidence * b.side_px for b in group)
        )
        people.append(person)
        boxes = [box for box in boxes if box not in person]
    return people


def _around(boxes: list[Box], width_px: int, height_px: int) -> Part:
    """Return the part around boxes, with room, its edges even and inside the picture."""
    middles = np.array([(box.x_px, box.y_px) for box in boxes])
    room_px = (0.5 + MARGIN_SIDES) * max(box.side_px for box in boxes)
    left, top = (max(0, int(edge - room_px) // 2 * 2) for edge in middles.min(axis=0))
    ends = middles.max(axis=0) + room_px
    right, bottom = (
        min(limit, int(e)) for limit, e in zip((width_px, height_px), ends, strict=True)
    )
    return Part(left, top, (right - left) // 2 * 2, (bottom - top) // 2 * 2)

"""Which of several faces speaks: the one whose lips move most.

Lips that speak change height and width by 0.04 to 0.16 eye distances (standard deviations, summed,
in clips of 12 speakers of GRID); a photograph in a shaking hand by 0.013 at most, since its points
are whole pixels; people who listen by 0.01 to 0.04, some by more.
"""

from collections.abc import Sequence

import numpy as np

from gridkit.media.detector import Box, box_of
from gridkit.media.face import Track
from gridkit.media.landmarks import LEFT_EYE, RIGHT_EYE, smooth_landmarks

LIP_CORNERS = (48, 54)
LIP_EDGES = (51, 57)
SMOOTH_FRAMES = 5
SHORTEST_FRAMES = 10
"""Lips that are seen for less (0.4 s) do not count as moving."""
CLEARLY_MORE = 1.5
"""The one who spoke before goes on, unless another's lips move so many times as much."""


def lip_movement(track: Track) -> float:
    """Return how much the lips of a face change height and width, in eye distances."""
    seen = ~track.missing
    if seen.sum() < SHORTEST_FRAMES:
        return 0.0
    points = smooth_landmarks(track.landmarks.astype(np.float64), SMOOTH_FRAMES)[seen]
    eyes_px = _distances_px(points[:, LEFT_EYE].mean(axis=1), points[:, RIGHT_EYE].mean(axis=1))
    sides_px = (_distances_px(points[:, a], points[:, b]) for a, b in (LIP_CORNERS, LIP_EDGES))
    return float(sum((side_px / np.maximum(eyes_px, 1)).std() for side_px in sides_px))


def who_speaks(tracks: Sequence[Track], before: Box | None = None, at: int = 0) -> Track:
    """Return the face that speaks, of those that were followed through the same frames.

    Args:
        tracks: one per face, the most prominent first.
        before: where the face was that spoke in earlier frames; None where nobody did.
        at: the frame in which it was there.
    """

    def weight(track: Track) -> float:
        goes_on = before is not None and _is_at(track, before, at)
        return lip_movement(track) * (CLEARLY_MORE if goes_on else 1)

    return max(tracks, key=weight)


def _is_at(track: Track, box: Box, frame: int) -> bool:
    if frame >= len(track.missing) or track.missing[frame]:
        return False
    return face_box(track, frame).overlap(box) > 0


def face_box(track: Track, frame: int) -> Box:
    """Return where the face is in a frame."""
    return box_of(track.landmarks[frame].astype(np.float64))


def _distances_px(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.hypot(*(points - others).T)
    return distances

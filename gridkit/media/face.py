"""Follow one face through a clip: 68 points in every frame, the detector in few.

A few whole frames are looked at, two in a GRID clip. The face that is largest, most central and
most often there is followed from there to both ends of the clip: the box for the next frame's
points comes from the last frame's points. Each frame's face is compared with the last one that
the detector confirmed (`face_patch`, microseconds). Where it is different, the detector is
asked again nearby; where it finds nothing, the face is lost, and looked for in every second
frame until it is back. Frames without a face get points by interpolation and are `missing`.

dlib's points are whole pixels, and stay so: smoothing belongs to the crop profiles.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from gridkit.corpus.records import POINTS
from gridkit.media.detector import (
    WORKING_WIDTH_PX,
    Box,
    FaceDetector,
    box_of,
    prominence,
    same_place,
)
from gridkit.media.landmarks import LEFT_EYE, RIGHT_EYE
from gridkit.media.landmarks_model import LandmarkModel, default_landmark_model, predictor

__all__ = ["FaceTracker", "LandmarkModel", "Track"]

LOOK_EVERY = 38
"""Frames between two detections in a whole frame while a face is followed, the first and the last
half as far from the ends: who is there for 1.5 s is counted."""
SEARCH_EVERY = 2
"""Frames between two detections while there is no face."""
ENLARGE_EVERY = 16
"""Frames between two detections in an enlarged picture while there is no face: together with
SEARCH_EVERY, frames without a face cost 4 ms each, not 25."""

MIN_LIKENESS = 0.8
"""Below, the detector has to confirm the face. GRID's faces mostly stay above 0.85, blinks
included; points laid on something else reach 0.7."""
MIN_SAME_PERSON = 0.6
"""A face that turns up elsewhere must be as like the lost one. Two speakers: 0.5 (median)."""

PATCH_PX = 24
PATCH_LEFT_EYE_PX = (6.5, 8.0)
PATCH_EYE_DISTANCE_PX = 10.0
PATCH_BLUR_PX = 1.0

GRAY = 128
GRAY_SPREAD = 3
BLANK_SHARE = 0.5


@dataclass(frozen=True)
class Track:
    """The face that was followed through a clip of T frames."""

    landmarks: np.ndarray
    """int16 (T, 68, 2), whole source pixels; every frame is filled."""
    missing: np.ndarray
    """bool (T,): no face there; the points are interpolated, or held at the ends."""
    blank: np.ndarray
    """bool (T,): no picture there (gray after a lost key frame), where the tracker looks for it."""
    faces: int
    """The most faces seen in one frame."""
    fit: float
    """Lowest likeness of a frame's face to the last confirmed one, 0 to 1; 0 without a face."""


class FaceTracker:
    """Finds and follows the speaker's face. Loads dlib and the model: keep one per process.

    Args:
        model: finds the points; None for the default one.
        working_width_px: faces are looked for in frames made about so wide.
        gray_is_blank: whether a frame that is mostly even gray counts as blank. That is so in
            GRID; other videos may have a gray wall, or gray bars, around a face.
    """

    def __init__(
        self,
        model: LandmarkModel | None = None,
        working_width_px: int = WORKING_WIDTH_PX,
        *,
        gray_is_blank: bool = True,
    ) -> None:
        self.model = model or default_landmark_model()
        self._gray_is_blank = gray_is_blank
        self._finder = PointFinder(self.model)
        self._detector = FaceDetector(working_width_px)

    def track(self, luma: np.ndarray) -> Track:
        """Follow the most prominent face of a clip.

        Args:
            luma: uint8 (T, H, W).

        Returns:
            A track; where no frame has a face, all frames are missing and all points 0.
        """
        return next(self.track_each(luma))

    def track_each(self, luma: np.ndarray) -> Iterator[Track]:
        """Follow each face of a clip, as it is asked for, the most prominent one first.

        Yields:
            Tracks, as of `track`; at least one.
        """
        luma = np.ascontiguousarray(luma)
        blank = blank_frames(luma) if self._gray_is_blank else np.zeros(len(luma), bool)
        clip = _Clip(luma, blank, self._detector, self._finder)
        people = [clip.follow_main_face([])]
        yield clip.track(people[0])
        while people[-1]:
            people.append(clip.follow_main_face(people))
            if people[-1]:
                yield clip.track(people[-1])


def blank_frames(luma: np.ndarray) -> np.ndarray:
    """Return which frames hold no picture, bool (T,).

    After a lost key frame a decoder starts from even gray and draws only what changes: most
    pixels stay gray (60 % or more in GRID's damaged clips, at most 17 % in whole ones).
    """
    sample = luma[:, ::4, ::4].astype(np.int16)
    share: np.ndarray = (np.abs(sample - GRAY) <= GRAY_SPREAD).mean(axis=(1, 2))
    return share > BLANK_SHARE


class PointFinder:
    """Finds the 68 points of a face in a box."""

    def __init__(self, model: LandmarkModel) -> None:
        import dlib

        self._rectangle = dlib.rectangle
        self._predictor = predictor(model.path)

    def find(self, frame: np.ndarray, box: Box) -> np.ndarray:
        """Return whole pixels, float64 (68, 2); frame is uint8 (H, W), C-contiguous."""
        reach = (box.side_px - 1) / 2
        edges = (box.x_px - reach, box.y_px - reach, box.x_px + reach, box.y_px + reach)
        found = self._predictor(frame, self._rectangle(*(round(edge) for edge in edges)))
        return np.array([(point.x, point.y) for point in found.parts()], np.float64)


@dataclass(frozen=True)
class Face:
    """The followed face in one frame."""

    points: np.ndarray
    """float64 (68, 2), whole pixels."""
    box: Box
    """Where the points say that the face is."""
    likeness: float
    """To the confirmed face before it, at most 1."""
    confirmed: np.ndarray
    """Patch of the last face that the detector confirmed."""


def face_patch(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return a small, level picture of eyes, nose and mouth with mean 0 and norm 1.

    The product of two such pictures, summed, is their correlation: 1 where both are the same.
    """
    # sums, not means: the same to the bit, and quicker for so few numbers
    left, right = (
        complex(*(np.add.reduce(points[eye]) / len(points[eye]))) for eye in (LEFT_EYE, RIGHT_EYE)
    )
    if left == right:
        return np.zeros((PATCH_PX, PATCH_PX))
    turn = PATCH_EYE_DISTANCE_PX / (right - left)
    shift = complex(*PATCH_LEFT_EYE_PX) - turn * left
    matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    size = (PATCH_PX, PATCH_PX)
    patch = cv2.warpAffine(frame, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    patch = cv2.GaussianBlur(patch.astype(np.float64), (0, 0), PATCH_BLUR_PX)
    patch -= np.add.reduce(patch, axis=None) / patch.size
    return np.asarray(patch / max(math.sqrt(np.vdot(patch, patch)), 1e-6))


def likeness(patch: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two face patches, -1 to 1."""
    return float(np.vdot(patch, other))


class _Clip:
    """One clip on its way: its frames, and the detections made in them."""

    def __init__(
        self, luma: np.ndarray, blank: np.ndarray, detector: FaceDetector, finder: PointFinder
    ) -> None:
        self.luma = luma
        self.blank = blank
        self.detector = detector
        self.finder = finder
        self.detections: dict[int, list[Box]] = {}

    def follow_main_face(self, others: list[dict[int, Face]]) -> dict[int, Face]:
        """Choose a face that is not yet followed, and follow it to both ends of the clip.

        Returns:
            The face in each frame that has it; nothing where there is no such face.
        """
        main = self._main_face(others)
        if main is None:
            return {}
        start, box = main
        faces = {start: self._face_in(start, box)}
        self._follow(faces, range(start + 1, len(self.luma)))
        self._follow(faces, range(start - 1, -1, -1))
        return faces

    def track(self, faces: dict[int, Face]) -> Track:
        """Return the track of a face."""
        missing = np.array([t not in faces for t in range(len(self.luma))], bool)
        return Track(
            landmarks=_filled({t: face.points for t, face in faces.items()}, len(self.luma)),
            missing=missing,
            blank=self.blank,
            faces=max((len(boxes) for boxes in self.detections.values()), default=0),
            fit=max(0.0, min((face.likeness for face in faces.values()), default=0.0)),
        )

    def _main_face(self, others: list[dict[int, Face]]) -> tuple[int, Box] | None:
        """Return a frame, and the box there of the face that is most present in the clip.

        Args:
            others: faces that are followed already, and do not count.
        """
        frames = [t for t in range(len(self.luma)) if not self.blank[t]]
        for t in frames[LOOK_EVERY // 2 :: LOOK_EVERY] or frames[-1:]:
            self._look(t)
        if not any(self.detections.values()):
            any(self._search(t, number) for number, t in enumerate(frames))
        seen = [(t, box) for t in sorted(self.detections) for box in self.detections[t]]
        height, width = self.luma.shape[1:]

        def presence(candidate: tuple[int, Box]) -> float:
            """Prominence, times the detections that show a face at this place."""
            box = candidate[1]
            there = sum(same_place([other], box) is not None for _, other in seen)
            return there * prominence(box, width, height)

        def is_new(candidate: tuple[int, Box]) -> bool:
            t, box = candidate
            return not any(t in faces and same_place([box], faces[t].box) for faces in others)

        return max(filter(is_new, seen), key=presence, default=None)

    def _follow(self, faces: dict[int, Face], frames: range) -> None:
        """Follow a face through frames, in this order, from the frame before them.

        A face that comes back is followed backwards too, into the frames since it was lost.
        """
        face = faces[frames.start - frames.step]
        lost: list[int] = []
        for t in frames:
            if self.blank[t]:
                continue
            found = None if lost else self._next_face(t, face)
            found = found or self._returning_face(t, len(lost), face)
            if found is None:
                lost.append(t)
                continue
            faces[t] = face = found
            for earlier in reversed(lost):
                found = self._next_face(earlier, found)
                if found is None:
                    break
                faces[earlier] = found
            lost = []

    def _next_face(self, t: int, face: Face) -> Face | None:
        """Return the face in a frame next to one where it is known, None where it is lost."""
        points = self.finder.find(self.luma[t], face.box)
        box = box_of(points)
        patch = face_patch(self.luma[t], points)
        like = likeness(patch, face.confirmed)
        looked = t in self.detections
        if like >= MIN_LIKENESS and not looked:
            return Face(points, box, like, confirmed=face.confirmed)
        seen = self.detections[t] if looked else self.detector.look_near(self.luma[t], box)
        there = same_place(seen, box)
        if there is None:
            return None
        if like >= MIN_LIKENESS:
            return Face(points, box, like, confirmed=patch)
        return self._face_in(t, there, face)

    def _returning_face(self, t: int, searched: int, face: Face) -> Face | None:
        """Return the lost face if it is back: at its old place, or elsewhere and like it."""
        candidates = [self._face_in(t, box, face) for box in self._search(t, searched)]
        back = [
            candidate
            for candidate in candidates
            if candidate.likeness >= MIN_SAME_PERSON or same_place([candidate.box], face.box)
        ]
        return max(back, key=lambda candidate: candidate.likeness, default=None)

    def _face_in(self, t: int, box: Box, before: Face | None = None) -> Face:
        """Return the face in a box of the detector, its points found from a box of their own."""
        points = self.finder.find(self.luma[t], box_of(self.finder.find(self.luma[t], box)))
        patch = face_patch(self.luma[t], points)
        like = 1.0 if before is None else likeness(patch, before.confirmed)
        return Face(points, box_of(points), like, confirmed=patch)

    def _search(self, t: int, searched: int) -> list[Box]:
        """Look for faces in a frame if it is its turn; `searched` frames had none before it."""
        if searched % SEARCH_EVERY:
            return []
        return self._look(t) or (
            self._look(t, enlarge=True) if searched % ENLARGE_EVERY == 0 else []
        )

    def _look(self, t: int, *, enlarge: bool = False) -> list[Box]:
        """Return all faces of a frame; each frame is looked at once in each size."""
        if enlarge or t not in self.detections:
            self.detections[t] = self.detector.look(self.luma[t], enlarge=enlarge)
        return self.detections[t]


def _filled(points: dict[int, np.ndarray], frames: int) -> np.ndarray:
    """Return int16 (T, 68, 2): gaps are interpolated linearly, and held at the ends."""
    if not points:
        return np.zeros((frames, POINTS, 2), np.int16)
    known = np.array(sorted(points))
    values = np.array([points[t] for t in known])
    # place of each frame in the list of known ones: 1.25 is a quarter of the way to the third
    place = np.interp(np.arange(frames), known, np.arange(len(known)))
    before = place.astype(int)
    after = np.minimum(before + 1, len(known) - 1)
    share = (place - before)[:, None, None]
    filled: np.ndarray = np.rint((1 - share) * values[before] + share * values[after])
    return filled.astype(np.int16)

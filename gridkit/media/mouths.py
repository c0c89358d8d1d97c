"""The mouth of the speaker in any video, 25 frames per second, piece by piece.

Faces are followed in windows that overlap, so a long video needs no more memory than a short one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from gridkit.corpus.records import RATE_FPS
from gridkit.errors import MediaError
from gridkit.media.close_up import look_for_faces
from gridkit.media.crops import cut_crop, load_profile, to_rgb
from gridkit.media.detector import WORKING_WIDTH_PX, Box
from gridkit.media.face import FaceTracker, Track
from gridkit.media.profiles import CropProfile
from gridkit.media.speaker import face_box, who_speaks
from gridkit.media.stream import Picture, PictureStream, as_video
from gridkit.media.video import Video

WIDEST_PX = 720
"""Wider pictures are made smaller: a face that the detector finds then still has a large mouth."""
TRACKED_FRAMES = 150
"""Length of the windows in which a face is followed."""
OVERLAP_FRAMES = 25
"""Cut off at each end of a window: points there are smoothed with too few neighbours."""
MOST_FACES = 4
"""So many faces are compared where there are several."""


@dataclass(frozen=True)
class Mouths:
    """Frames of a crop, one after the other."""

    frames: np.ndarray
    """uint8 (T, H, W), or (T, H, W, 3)."""
    missing: np.ndarray
    """bool (T,): no face there."""

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, part: slice) -> "Mouths":
        return Mouths(self.frames[part], self.missing[part])

    def nearest_seen(self, places: np.ndarray) -> np.ndarray:
        """Return the frames at places, (P,); one without a face shows the nearest that has one.

        A model then sees nothing that it does not know. Where no frame has a face, it is black.
        """
        seen = np.flatnonzero(~self.missing)
        if not len(seen):
            return self.frames[places]
        after = np.searchsorted(seen, places).clip(max=len(seen) - 1)
        before = (after - 1).clip(min=0)
        is_before = places - seen[before] <= np.abs(seen[after] - places)
        nearest = np.where(is_before & (seen[before] <= places), seen[before], seen[after])
        return self.frames[nearest]

    def joined(self, other: "Mouths | None") -> "Mouths":
        """Return these frames, then the other ones."""
        if other is None:
            return self
        frames = np.concatenate([self.frames, other.frames])
        return Mouths(frames, np.concatenate([self.missing, other.missing]))


@dataclass(frozen=True)
class Piece:
    """The next frames of a video."""

    mouths: Mapping[str, Mouths]
    """By crop profile."""
    missing: np.ndarray
    """bool (T,): no face there."""
    faces: int
    """The most faces seen in one of them."""


class MouthStream:
    """The mouth of whoever speaks in a video file; iterate over it once.

    Args:
        path: of the file.
        crops: the crop profiles to cut; the face is followed once for all of them.

    Yields:
        The next frames of each crop, by its name.

    Raises:
        MediaError: at the end, where no picture could be decoded or none shows a face; at the
            start, where the file is not a readable video.
    """

    def __init__(self, path: Path, crops: Collection[str]):
        self._path, self._crops = path, crops
        self._frames = self._found = 0
        self.faces = 0
        """The most faces seen in one frame so far."""
        self.length_s = 0.0
        """Until the last picture so far ends."""
        self.offsets_s: Sequence[float] = ()
        """What is taken off time stamps, as of `PictureStream`."""

    @property
    def face_share(self) -> float:
        """Share of the frames so far in which a face was found."""
        return self._found / self._frames

    def __iter__(self) -> Iterator[Mapping[str, Mouths]]:
        look = look_for_faces(self._path, WIDEST_PX)
        with PictureStream(self._path, look.widest_px, look.part) as stream:
            pictures = stream.at_rate(RATE_FPS)
            for piece in follow_mouth(pictures, self._crops, look.working_width_px):
                self._frames += len(piece.missing)
                self._found += int((~piece.missing).sum())
                self.faces = max(self.faces, piece.faces)
                self.length_s, self.offsets_s = stream.end_s, stream.offsets_s
                yield piece.mouths
        if not self._frames:
            raise MediaError(f"{self._path} has no picture that can be decoded")
        if not self._found:
            raise MediaError(
                f"no face found in any frame of {self._path}; it would have to be upright, "
                f"from the front, and {look.smallest_px} pixels wide or more"
            )


def follow_mouth(
    pictures: Iterator[Picture], crops: Collection[str], working_width_px: int = WORKING_WIDTH_PX
) -> Iterator[Piece]:
    """Cut the mouth out of pictures, and yield it piece by piece; each frame comes once.

    Args:
        pictures: 25 per second, of one size.
        crops: the profiles to cut; the face is followed once for all of them.
        working_width_px: faces are looked for in pictures made about so wide.
    """
    tracker = FaceTracker(working_width_px=working_width_px)
    profiles = {crop: load_profile(crop) for crop in crops}
    before = 0
    spoke: Box | None = None
    for window, is_last in windows(pictures):
        video = as_video(window, Fraction(RATE_FPS))
        track = _who_speaks(tracker, video.luma, spoke, before)
        new = slice(before, len(window) if is_last else len(window) - OVERLAP_FRAMES)
        mouths = {
            crop: Mouths(_cut(video, track, profile), track.missing)[new]
            for crop, profile in profiles.items()
        }
        yield Piece(mouths, track.missing[new], track.faces)
        seen = np.flatnonzero(~track.missing[: new.stop])
        spoke = face_box(track, seen[-1]) if len(seen) else spoke
        before = OVERLAP_FRAMES


def _who_speaks(tracker: FaceTracker, luma: np.ndarray, spoke: Box | None, new: int) -> Track:
    """Return the face to read in a window.

    Args:
        tracker: follows faces.
        luma: of the window, (T, H, W).
        spoke: where the face was that was read before.
        new: the first frame that was not in the window before.
    """
    tracks = tracker.track_each(luma)
    main = next(tracks)
    if main.faces < 2:
        return main
    return who_speaks([main, *islice(tracks, MOST_FACES - 1)], spoke, new)


def windows(pictures: Iterator[Picture]) -> Iterator[tuple[list[Picture], bool]]:
    """Cut pictures into windows, and say which is the last.

    Each but the first begins two overlaps before the end of the one before it. The last one may
    be shorter, but holds something new.
    """
    window: list[Picture] = []
    for picture in pictures:
        if len(window) == TRACKED_FRAMES:
            yield window, False
            window = window[-2 * OVERLAP_FRAMES :]
        window.append(picture)
    if window:
        yield window, True


def _cut(video: Video, track: Track, profile: CropProfile) -> np.ndarray:
    """Return uint8 (T, H, W), or (T, H, W, 3); black where no frame has a face."""
    if track.missing.all():
        size = (len(video.luma), profile.height_px, profile.width_px)
        return np.zeros(size if profile.colour == "gray" else (*size, 3), np.uint8)
    planes = cut_crop(video, track.landmarks, profile)
    return planes.luma if planes.chroma is None else to_rgb(planes)

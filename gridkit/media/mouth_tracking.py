"""From any video to the mouth of the speaker, piece by piece.

Faces are followed in windows that overlap, so a long video needs no more memory than a short one.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from gridkit.corpus.records import RATE_FPS
from gridkit.errors import GridkitError, MediaError
from gridkit.media.close_up import look_for_faces
from gridkit.media.crops import cut_crop, load_profile, to_rgb
from gridkit.media.detector import WORKING_WIDTH_PX, Box
from gridkit.media.face import FaceTracker, Track
from gridkit.media.landmarks_model import default_landmark_model, predictor
from gridkit.media.mouths import MouthPiece, Mouths, MouthStream, StreamState
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
class Piece:
    """The next frames of a video."""

    mouths: Mapping[str, Mouths]
    """By crop profile."""
    missing: np.ndarray
    """bool (T,): no face there."""
    faces: int
    """The most faces seen in one of them."""


def load() -> None:
    """Load what it takes to follow a face; what is wrong with it shows where it is used."""
    with suppress(GridkitError):
        predictor(default_landmark_model().path)


def open_mouths(path: Path, crops: Collection[str]) -> MouthStream:
    """Return the mouth in a video file, followed in this process; see `mouth_pieces`."""
    return MouthStream(mouth_pieces(path, crops))


def mouth_pieces(path: Path, crops: Collection[str]) -> Iterator[MouthPiece]:
    """Yield the next frames of each crop, with what is known of the video so far.

    Args:
        path: of the video file.
        crops: the crop profiles to cut; the face is followed once for all of them.

    Raises:
        MediaError: at the end, where no picture could be decoded or none shows a face; at the
            start, where the file is not a readable video.
    """
    look = look_for_faces(path, WIDEST_PX)
    state = StreamState()
    with PictureStream(path, look.widest_px, look.part) as stream:
        pictures = stream.at_rate(RATE_FPS)
        for piece in follow_mouth(pictures, crops, look.working_width_px):
            state = StreamState(
                state.frames + len(piece.missing),
                state.with_face + int((~piece.missing).sum()),
                max(state.faces, piece.faces),
                stream.end_s,
                tuple(stream.offsets_s),
            )
            yield state, piece.mouths
    if not state.frames:
        raise MediaError(f"{path} has no picture that can be decoded")
    if not state.with_face:
        raise MediaError(
            f"no face found in any frame of {path}; it would have to be upright, "
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
    tracker = FaceTracker(working_width_px=working_width_px, gray_is_blank=False)
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

"""Frames of mouths, 25 per second, as they come piece by piece out of a video."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


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
class StreamState:
    """What is known of a video so far."""

    frames: int = 0
    with_face: int = 0
    """Of these frames."""
    faces: int = 0
    """The most faces in one of them."""
    length_s: float = 0.0
    """Until the last picture ends."""
    offsets_s: tuple[float, ...] = ()
    """What is taken off time stamps, as of `PictureStream`."""


MouthPiece = tuple[StreamState, Mapping[str, Mouths]]
"""The next frames of each crop, by its name, and what is known of the video so far."""


class MouthStream:
    """The mouth of whoever speaks in a video; iterate over it once.

    Args:
        pieces: as of `gridkit.media.mouth_tracking.mouth_pieces`, which may run in another process.

    Yields:
        The next frames of each crop, by its name.

    Raises:
        MediaError: as `mouth_pieces`.
    """

    def __init__(self, pieces: Iterable[MouthPiece]):
        self._pieces = pieces
        self._state = StreamState()

    @property
    def faces(self) -> int:
        """The most faces seen in one frame so far."""
        return self._state.faces

    @property
    def length_s(self) -> float:
        """Until the last picture so far ends."""
        return self._state.length_s

    @property
    def offsets_s(self) -> Sequence[float]:
        """What is taken off time stamps, as of `PictureStream`."""
        return self._state.offsets_s

    @property
    def face_share(self) -> float:
        """Share of the frames so far in which a face was found."""
        return self._state.with_face / self._state.frames

    def __iter__(self) -> Iterator[Mapping[str, Mouths]]:
        for state, mouths in self._pieces:
            self._state = state
            yield mouths

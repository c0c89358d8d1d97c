"""How loud predicted sound is: clipped, silent, inaudible. These are no metrics.

Sound on the scale of 16-bit integers is cut off at full scale, and sound that nobody can hear still
gets figures above the floors (docs/protocol.md section 4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

FULL_SCALE = 32_767
MOST_CLIPPED = 0.01
"""Share of a clip's samples beyond [-1, 1], or at full scale, above which it is said."""
INAUDIBLE_DBFS = -80
FEWEST_SOUNDING = 100
"""Samples that are not 0; a clip of fewer is inaudible."""


@dataclass(frozen=True)
class SoundLevels:
    """Of one clip."""

    clipped: float
    """Share of the samples at full scale."""
    silent: float
    """Share of the samples that are 0."""
    inaudible: bool
    """Under -80 dBFS, rms about the mean (a constant is not heard), or hardly a sample that is
    not 0."""

    @property
    def is_clipped(self) -> bool:
        """Tell whether so much is cut off that it is said."""
        return self.clipped > MOST_CLIPPED

    def entries(self) -> dict[str, float]:
        """Return them as a line of `clips.jsonl` holds them."""
        return {
            "clipped": self.clipped,
            "silent": self.silent,
            "inaudible": float(self.inaudible),
        }


def sound_levels(samples: np.ndarray) -> SoundLevels:
    """Return how loud a sound is.

    Args:
        samples: int16 (N,).

    >>> sound_levels(np.full(48_000, 1, np.int16)).inaudible
    True
    """
    values = samples.astype(np.float64)
    limit = 32_768 * 10 ** (INAUDIBLE_DBFS / 20)
    sounding = int(np.count_nonzero(samples))
    return SoundLevels(
        clipped=float((np.abs(values) >= FULL_SCALE).mean()),
        silent=1 - sounding / len(samples),
        inaudible=bool(values.std() < limit or sounding < FEWEST_SOUNDING),
    )


def summary_of(clips: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return what `result.json` says of the clips' sound; empty where none has any.

    Args:
        clips: as `SoundLevels.entries` gives them.
    """
    count, clipped, silent, clipped_clips, inaudible_clips = 0, 0.0, 0.0, 0, 0
    for levels in clips:
        count += 1
        clipped, silent = clipped + levels["clipped"], silent + levels["silent"]
        clipped_clips += levels["clipped"] > MOST_CLIPPED
        inaudible_clips += levels["inaudible"] > 0
    if not count:
        return {}
    return {
        "clipped": clipped / count,
        "silent": silent / count,
        "clipped_clips": clipped_clips,
        "inaudible_clips": inaudible_clips,
    }

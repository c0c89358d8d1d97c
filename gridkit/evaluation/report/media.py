"""What a report shows and plays of a clip: reference audio, system's sound, silent crop."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.subset import Subset, read_sound
from gridkit.results.files import Scored
from gridkit.store.schema import crop_column


@dataclass(frozen=True)
class ClipMedia:
    """What the report shows and plays of one clip."""

    reference: np.ndarray
    """int16 (48000,), 16 kHz: the reference audio."""
    prediction: np.ndarray | None
    """int16 (48000,), 16 kHz: what the system made; None where it gives text."""
    crop_mp4: bytes | None
    """The silent crop that the system saw, as the corpus stores it."""


MediaOf = Callable[[str], ClipMedia | None]
"""Gives the media of a clip by its id; None where there is nothing to show."""


def media_of(scored: Scored, subset: Subset) -> Callable[[str], ClipMedia]:
    """Return what gives the report the sounds and the crop of a clip.

    The crop is the one that the system saw; for a system that saw none, or one that
    the corpus does not have, the first in the corpus.

    Args:
        scored: the system's result; its folder holds the predictions.
        subset: the clips it was scored on.
    """
    profiles, crop = subset.corpus.file.profiles, scored.result.system.crop
    profile = crop if crop is not None and crop in profiles else next(iter(profiles))
    predictions = PredictionWriter(scored.folder).saved()
    return corpus_media(subset, lambda clip: predictions[clip].samples, profile)


def corpus_media(
    subset: Subset, predicted: Callable[[str], np.ndarray | None], profile: str
) -> Callable[[str], ClipMedia]:
    """Return what gives the media of a clip, read from the corpus.

    Args:
        subset: the clips.
        predicted: id to the system's sound, int16 (48000,), or None.
        profile: name of the crop profile to show.
    """
    column = crop_column(profile)

    def media(clip: str) -> ClipMedia:
        row = subset.corpus.row(clip, ["audio", column])
        reference = read_sound(row["audio"]["bytes"], clip)
        return ClipMedia(reference, predicted(clip), row[column]["bytes"])

    return media

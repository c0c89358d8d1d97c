"""Which clips a comparison video shows: three by the first result, or those that were named."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridkit.errors import UsageError
from gridkit.evaluation.report.cards import best_median_worst
from gridkit.results.files import Scored
from gridkit.results.wording import describe

CLIPS = 3
"""Shown where none is named."""


@dataclass(frozen=True)
class Choice:
    """One clip of a video."""

    id: str
    why: str = ""
    """Why it was chosen, for the screen; empty where it was named, or is one of the first."""


def choose_clips(
    first: Scored, named: Sequence[str] = (), name: str | None = None
) -> tuple[Choice, ...]:
    """Return the clips that a video shows, in its order.

    Those that are named; otherwise the best, the median and the worst of the first result by its
    headline metric, or, where it failed on every clip, the first three.

    Args:
        first: the result named first; all results have the same clips.
        named: ids; a second mention is left out.
        name: what the video calls the first result; its own name if not given.

    Raises:
        UsageError: the results do not have a clip that is named.
    """
    known = first.table.ids
    for clip in named:
        if clip not in known:
            raise UsageError(
                f"--clip {clip}: the results do not have this clip; they have {len(known)} clips, "
                f"such as {known[0]}"
            )
    if named:
        return tuple(Choice(clip) for clip in dict.fromkeys(named))
    places = best_median_worst(first)
    if not places:
        return tuple(Choice(clip) for clip in known[:CLIPS])
    label = describe(first.result.rank_metric).label
    return tuple(
        Choice(clip, f"{place} clip of {name or first.result.name} by {label}")
        for place, clip in places
    )

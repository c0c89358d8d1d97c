"""Count a result again from its clips: what `result.json` says has to be what they give.

Intervals are not compared, since they may be drawn otherwise by another numpy: those that come out
here are the ones to show.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from gridkit.corpus.splits import hash_ids
from gridkit.errors import ResultError
from gridkit.results.clip_table import ClipTable
from gridkit.results.files import CLIPS_FILE, RESULT_FILE, Scored, clips_sha256
from gridkit.results.records import Estimate, Result
from gridkit.results.statistics import estimates, per_slot, per_speaker

TOLERANCE = 1e-6
"""Relative and absolute: sums in another order differ by less, and no table shows as much."""


def counted_again(scored: Scored) -> dict[str, Estimate]:
    """Return the figures of a RESULT folder, from its clips.

    `true_audio`, which they do not hold, is as the result says.

    Raises:
        ResultError: `clips.jsonl` is not the file that the result was made of, or gives something
            else; one line says what.
    """
    folder, stated = scored.folder, scored.result
    known = stated.sha256.get(CLIPS_FILE)
    if known is not None and clips_sha256(folder) != known:
        raise ResultError(
            f"{folder / CLIPS_FILE} is not the file that {RESULT_FILE} was made of: one of the two "
            "was changed; evaluate again, or score the predictions again by "
            f"--model predictions:{folder}"
        )
    found = estimates(scored.table)
    for name, (says, gives) in _stated_and_given(stated, scored.table, found).items():
        if not _alike(says, gives):
            raise ResultError(
                f"{folder / RESULT_FILE}: {name} is {_short(says)}, and {CLIPS_FILE} gives "
                f"{_short(gives)}: one of the two was changed; evaluate again, or score the "
                f"predictions again by --model predictions:{folder}"
            )
    return {
        name: replace(estimate, true_audio=stated.metrics[name].true_audio)
        for name, estimate in found.items()
    }


def _stated_and_given(
    stated: Result, table: ClipTable, found: Mapping[str, Estimate]
) -> dict[str, tuple[object, object]]:
    """Return what a result says, and what its clips give, by name."""
    pairs: dict[str, tuple[object, object]] = {
        "n": (stated.n, len(table.ids)),
        "failed": (stated.failed, table.failed),
        "metrics": (sorted(stated.metrics), sorted(found)),
        "sound": (stated.sound, table.sound),
    }
    if stated.scored_sha256 is not None:
        pairs["split.scored_sha256"] = stated.scored_sha256, hash_ids(table.ids)
    for name in sorted(stated.metrics.keys() & found.keys()):
        one, other = stated.metrics[name], found[name]
        pairs[name] = one.value, other.value
        pairs[f"{name}.n"] = one.n, other.n
    # a result of before they were written has none
    if stated.speakers:
        pairs["speakers"] = stated.speakers, per_speaker(table)
    if stated.slots:
        pairs["slots"] = stated.slots, per_slot(table)
    return pairs


def _alike(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return one == other


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

"""The scores of many clips as columns: what statistics, comparisons and the report work on.

Every figure but the median lag is a ratio of two sums over clips: a mean has 1 below the line,
a pooled error rate has errors above and lengths below. Clips are rows, figures are columns, so
that means, speakers and resamples are each one matrix product. A clip takes under 1 KB; words
are not kept. Beside the median lag stands the mean of its size, `lag_ms_abs`.

A failed clip counts as the floor, or as the system's own worst scored clip in that metric where
that is worse, or where there is no floor. A lag alone does not count where a clip has none.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import SLOT_NAMES, text_of
from gridkit.errors import ResultError
from gridkit.results.records import ClipScore
from gridkit.results.sound_levels import summary_of
from gridkit.results.wording import LAG, LAG_SIZE, POOLED, describe


@dataclass(frozen=True, eq=False)
class ClipTable:
    """Scores of n clips, sorted by id; a figure is sum(above) / sum(below).

    `below` is 0 where a clip does not count (it has no lag).
    """

    names: tuple[str, ...]
    ids: tuple[str, ...]
    above: np.ndarray
    """float64 (n, figures)."""
    below: np.ndarray
    """float64 (n, figures)."""
    scored: np.ndarray
    """bool (n,); the others failed."""
    failed: Mapping[str, int]
    """Failure reason to number of clips."""
    slots: Mapping[str, np.ndarray]
    """`slot` or `slot_R` to how many clips have each slot right, int (6,)."""
    transcribers: frozenset[str]
    """Recognisers, or `system`, whose words the clips have."""
    first_failure: tuple[str, str] | None = None
    """Of the clips as they came: the id of the first that failed, and why in one line."""
    sound: Mapping[str, float] = field(default_factory=dict)
    """How loud predicted sound is (`summary_of`)."""

    @property
    def values(self) -> np.ndarray:
        """Return each clip's own figures, (n, figures); NaN where it does not count."""
        return ratio(self.above, self.below)

    def column(self, name: str) -> np.ndarray:
        """Return each clip's own value of one figure, (n,)."""
        place = self.names.index(name)
        return ratio(self.above[:, place], self.below[:, place])

    @cached_property
    def speakers(self) -> np.ndarray:
        """Return the speaker of each clip, str (n,)."""
        return np.array([split_id(clip)[0] for clip in self.ids], dtype=np.str_)

    def only(self, ids: Iterable[str]) -> "ClipTable":
        """Return the figures of some clips alone."""
        wanted = set(ids)
        rows = np.array([clip in wanted for clip in self.ids], bool)
        return ClipTable(
            self.names,
            tuple(clip for clip in self.ids if clip in wanted),
            self.above[rows],
            self.below[rows],
            self.scored[rows],
            {},
            {},
            self.transcribers,
        )


def tabulate(scores: Iterable[ClipScore], expected: Sequence[str] = ()) -> ClipTable:
    """Return the table of clip scores, failed clips filled in by the rule of floors.

    Args:
        scores: the clips of one result, in any order; read once, none is kept.
        expected: figures that must be there even where every clip failed, if they have a floor.

    Raises:
        ResultError: an id appears twice, or a scored clip lacks a figure that another has.
    """
    columns = _Columns()
    for score in scores:
        columns.add(score)
    order = sorted(range(len(columns.ids)), key=columns.ids.__getitem__)
    ids = tuple(columns.ids[row] for row in order)
    for one, two in pairwise(ids):
        if one == two:
            raise ResultError(f"clip {one} is scored twice; remove one of its lines in clips.jsonl")
    names = tuple(sorted({*columns.above, *expected} - {LAG_SIZE}))
    if LAG in names:
        names = (*names, LAG_SIZE)
    scored = np.frombuffer(columns.scored, bool)[order]
    above, below = (_matrix(part, names, order) for part in (columns.above, columns.below))
    pooled = {name for name in names if name.split("_")[0] in POOLED} - columns.means
    _fill_missing(names, ids, scored, above, below, pooled)
    if LAG in names:
        above[:, -1], below[:, -1] = np.abs(above[:, names.index(LAG)]), below[:, names.index(LAG)]
    return ClipTable(
        names,
        ids,
        above,
        below,
        scored,
        dict(columns.failed),
        columns.slots,
        frozenset(columns.transcribers),
        columns.first_failure,
        summary_of(columns.sound),
    )


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return above over below, NaN where below is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)


@dataclass
class _Columns:
    """Columns that grow by one value per clip; NaN where a clip has no such figure."""

    ids: list[str] = field(default_factory=list)
    scored: bytearray = field(default_factory=bytearray)
    above: dict[str, "array[float]"] = field(default_factory=dict)
    below: dict[str, "array[float]"] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    slots: dict[str, np.ndarray] = field(default_factory=dict)
    transcribers: set[str] = field(default_factory=set)
    first_failure: tuple[str, str] | None = None
    sound: list[Mapping[str, float]] = field(default_factory=list)
    means: set[str] = field(default_factory=set)
    """Figures that are averaged: an error rate too, by an older protocol."""

    def add(self, clip: ClipScore) -> None:
        """Take one more clip; of a failed one only the names of its figures, and its lengths."""
        scored = clip.status == "scored"
        row = len(self.ids)
        self.ids.append(clip.id)
        self.scored.append(scored)
        self.transcribers.update(clip.text)
        self.means.update(clip.metrics)
        if clip.sound:
            self.sound.append(clip.sound)
        if not scored:
            self.failed[clip.reason or ""] += 1
            self.first_failure = self.first_failure or (clip.id, clip.detail or clip.reason or "")
        for name, (above, below) in _figures(clip).items():
            _put(self.above, name, row, above if scored else np.nan)
            _put(self.below, name, row, below)
        for name, right in clip.slots.items():
            total = self.slots.setdefault(name, np.zeros(len(SLOT_NAMES), int))
            total += np.multiply(right, scored)


def _matrix(
    columns: Mapping[str, "array[float]"], names: Sequence[str], order: Sequence[int]
) -> np.ndarray:
    """Return columns side by side, rows in another order, float64 (n, names)."""
    found = np.full((len(order), len(names)), np.nan)
    for place, name in enumerate(names):
        values = np.full(len(order), np.nan)
        column = columns.get(name, array("d"))
        values[: len(column)] = column
        found[:, place] = values[order]
    return found


def _put(columns: dict[str, "array[float]"], name: str, row: int, value: float) -> None:
    column = columns.setdefault(name, array("d"))
    if len(column) < row:
        column.extend([np.nan] * (row - len(column)))
    column.append(value)


def _figures(clip: ClipScore) -> dict[str, tuple[float, float]]:
    """Return what a clip adds above and below the line of each figure."""
    means = {name: (float(value), 1.0) for name, value in clip.metrics.items()}
    pooled = {name: (float(errors), float(size)) for name, (errors, size) in clip.counts.items()}
    slots = {name: (sum(right) / len(right), 1.0) for name, right in clip.slots.items()}
    return means | pooled | slots


def _fill_missing(
    names: Sequence[str],
    ids: Sequence[str],
    scored: np.ndarray,
    above: np.ndarray,
    below: np.ndarray,
    pooled: Collection[str],
) -> None:
    """Fill the NaN of clips without a figure, in place: not counted, or what a failure counts as.

    Raises:
        ResultError: a scored clip lacks a figure that has a floor.
    """
    for column, name in enumerate(names):
        facts = describe(name)
        lacking = np.isnan(above[:, column])
        known = ratio(above[~lacking, column], below[~lacking, column]).tolist()
        candidates = known if facts.floor is None else [*known, facts.floor]
        if not (facts.counts_every_clip and candidates):
            above[lacking, column] = below[lacking, column] = 0.0
            continue
        if facts.floor is not None and (lacking & scored).any():
            clip = ids[int(np.argmax(lacking & scored))]
            raise ResultError(
                f"clip {clip} is scored but has no {name}; score it again, or mark it failed"
            )
        for row in np.flatnonzero(np.isnan(below[:, column])).tolist():
            below[row, column] = _reference_length(ids[row], name) if name in pooled else 1.0
        worst = max(candidates) if facts.better == "down" else min(candidates)
        above[lacking, column] = worst * below[lacking, column]


def _reference_length(clip: str, name: str) -> float:
    sentence = text_of(split_id(clip)[1])
    return float(len(sentence) if name.startswith("cer") else len(sentence.split()))

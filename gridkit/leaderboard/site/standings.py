"""Tables of the site: rows that answer the same question, ranked, and the front of the fastest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridkit.corpus.codes import split_id
from gridkit.corpus.tasks import TASKS
from gridkit.errors import ResultError
from gridkit.leaderboard.site.entries import Entry, Question, RowData
from gridkit.leaderboard.submission import TRACKS
from gridkit.results.compare import paired_tests
from gridkit.results.ranks import ranks
from gridkit.results.records import PROTOCOL
from gridkit.results.rows import Row
from gridkit.results.wording import describe

STRICT = ("reproduced",)
WIDE = ("reproduced", "rescored")
"""What the switch adds to the ranking."""


@dataclass(frozen=True)
class Standing:
    """A row in its table."""

    entry: Entry
    rank: int | None
    """Among the reproduced rows."""
    wide_rank: int | None
    """Among the reproduced and the rescored ones."""


@dataclass(frozen=True)
class Board:
    """One table."""

    id: str
    """What a link to it says: task and split, and a number where another table has these, too."""
    question: Question
    standings: tuple[Standing, ...]
    """Best headline first; none where the board ranks nobody (`TRACKS`)."""
    controls: tuple[Row, ...]

    @property
    def rank_metric(self) -> str:
        """Return the headline of all of its rows."""
        if self.standings:
            return self.standings[0].entry.rank_metric
        return self.controls[0].result.rank_metric

    @property
    def is_ranked(self) -> bool:
        """Tell whether systems are submitted to it."""
        return self.question.task in TRACKS


def boards_of(
    rows: Sequence[RowData],
    ids: Mapping[str, Sequence[str]],
    controls: Mapping[Question, list[Row]],
) -> list[Board]:
    """Return the tables: by task, then split; those of an older protocol come last.

    Controls alone are a table where nobody is ranked: recognisers, which hear the recordings.

    Args:
        rows: all rows.
        ids: file of clips to the ids in it.
        controls: the controls of each question.

    Raises:
        ResultError: rows of the same question have other clips.
    """
    groups: dict[Question, list[RowData]] = {}
    for row in rows:
        groups.setdefault(row.entry.question, []).append(row)
    for question in controls:
        if question.task not in TRACKS:
            groups.setdefault(question, [])

    def order(question: Question) -> tuple[object, ...]:
        return (
            question.protocol != PROTOCOL,
            list(TASKS).index(question.task),
            question.split,
            question.protocol,
            question.scored,
            question.corpus,
        )

    found: list[Board] = []
    for question in sorted(groups, key=order):
        name = f"{question.task}-{question.split}"
        before = sum((one.question.task, one.question.split) == (question.task, question.split)
                     for one in found)  # fmt: skip
        number = f"-{before + 1}" if before else ""
        standings = _standings(groups[question], ids)
        found.append(Board(name + number, question, standings, tuple(controls.get(question, ()))))
    return found


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the places of points that no other point beats in one part and equals in the other.

    >>> pareto_front([(1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (2.0, 6.0)])
    [0, 1]

    Args:
        points: pairs, each part better the smaller it is.
    """
    front = []
    best = float("inf")
    for place in sorted(range(len(points)), key=points.__getitem__):
        if points[place][1] < best:
            front.append(place)
            best = points[place][1]
    return front


def _standings(rows: Sequence[RowData], ids: Mapping[str, Sequence[str]]) -> tuple[Standing, ...]:
    if not rows:
        return ()
    facts = describe(rows[0].entry.rank_metric)
    ordered = sorted(rows, key=lambda row: (facts.badness(row.entry.value), row.entry.path))
    clips = {row.clips for row in ordered}
    if len(clips) > 1 or len({len(row.values) for row in ordered}) > 1:
        raise ResultError(
            f"{ordered[0].entry.path} and other rows of its table have other clips; "
            "add them to the board again"
        )
    speakers = np.array([split_id(clip)[0] for clip in ids[clips.pop()]])
    tests = _tests(np.stack([row.values for row in ordered]), speakers)

    def ranked(statuses: Sequence[str]) -> tuple[int | None, ...]:
        return ranks(
            [row.entry.value for row in ordered],
            [row.entry.rankable and row.entry.status in statuses for row in ordered],
            tests,
            lower_is_better=facts.better == "down",
        )

    return tuple(
        Standing(row.entry, strict, wide)
        for row, strict, wide in zip(ordered, ranked(STRICT), ranked(WIDE), strict=True)
    )


def _tests(values: np.ndarray, speakers: np.ndarray) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the difference and p of each pair of rows of values, (rows, clips)."""
    counted = np.isfinite(values).all(axis=0)
    values, speakers = values[:, counted], speakers[counted]
    found = {}
    for one in range(len(values) - 1):
        mean, _, p = paired_tests(values[one] - values[one + 1 :], speakers)
        for place, pair in enumerate(zip(mean.tolist(), p.tolist(), strict=True)):
            found[one, one + 1 + place] = pair
    return found

"""Figures that papers report: shown with where they are from, never ranked with measured ones.

reported.tsv   task system year split metric value note source seen_in
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from gridkit.corpus.tasks import TASKS
from gridkit.errors import ResultError
from gridkit.results.strict_json import read_text

REPORTED_FILE = "reported.tsv"
COLUMNS = ("task", "system", "year", "split", "metric", "value", "note", "source", "seen_in")


@dataclass(frozen=True)
class Reported:
    """What one source reports of one system on one split, in its own words."""

    task: str
    system: str
    year: str
    split: str
    figures: tuple[tuple[str, str], ...]
    """Metric and value, as the source has them."""
    note: str
    source: str
    seen_in: str
    """Where the figure was read: the source itself, or what quotes it."""


def read_reported(board: Path) -> list[Reported]:
    """Return the reported figures of a board; none where it has no such file.

    Raises:
        ResultError: a line has other columns, or a task that there is not.
    """
    path = board / REPORTED_FILE
    if not path.is_file():
        return []
    lines = list(_lines(path))

    def case(line: dict[str, str]) -> tuple[str, ...]:
        return tuple(line[name] for name in COLUMNS if name not in ("metric", "value"))

    found = []
    for key, group in groupby(lines, key=case):
        task, system, year, split, note, source, seen_in = key
        figures = tuple((line["metric"], line["value"]) for line in group)
        found.append(Reported(task, system, year, split, figures, note, source, seen_in))
    return found


def _lines(path: Path) -> Iterator[dict[str, str]]:
    first, *lines = read_text(path).splitlines() or [""]
    if tuple(first.split("\t")) != COLUMNS:
        raise ResultError(f"{path}, line 1: expected the columns {' '.join(COLUMNS)}, tabs between")
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) != len(COLUMNS) or cells[0] not in TASKS:
            raise ResultError(
                f"{path}, line {number}: expected {len(COLUMNS)} cells, a task "
                f"({', '.join(TASKS)}) the first"
            )
        yield dict(zip(COLUMNS, cells, strict=True))

"""What a pull request would do to the tables that it touches: ranks before and after it.

A submission is `rescored` at best until a maintainer has run it, so these are the ranks of the
switch: reproduced and rescored rows together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridkit.corpus.splits import hash_ids
from gridkit.leaderboard.board import BoardRow, read_clips, read_rows
from gridkit.leaderboard.git_request import as_markdown
from gridkit.leaderboard.site.entries import RowData, question_of, row_data
from gridkit.leaderboard.site.index_page import board_title
from gridkit.leaderboard.site.standings import Board, boards_of
from gridkit.leaderboard.submission import ZIPPED_CLIPS_FILE
from gridkit.leaderboard.verify import Checked
from gridkit.results.clip_table import ClipTable, tabulate
from gridkit.results.wording import MetricFacts, describe


@dataclass(frozen=True)
class RankChange:
    """A row of a table, before a request and after it."""

    name: str
    path: str
    status: str
    value: float
    before: int | None
    """None where it is not there, or has no rank."""
    after: int | None
    is_new: bool


@dataclass(frozen=True)
class TableChange:
    """A table that a request touches; best row first."""

    title: str
    headline: MetricFacts
    rows: tuple[RankChange, ...]


def rank_changes(board: Path, checked: Sequence[Checked]) -> list[TableChange]:
    """Return what the tables would be with the submissions of a request.

    Args:
        board: the folder of the board.
        checked: the submissions; those rejected, or not scored, change nothing.

    Raises:
        ResultError: a file of the board is damaged.
    """
    new = [made for one in checked if (made := _row_of(one)) is not None]
    questions = {question_of(row.result) for row, _ in new}
    there = [row for row in read_rows(board) if question_of(row.result) in questions]
    ids: dict[str, Sequence[str]] = {}
    old = [_data(row, _table(row), ids) for row in there]
    before = _ranks(boards_of(old, ids, {}))
    replaced = {row.path for row, _ in new}
    kept = [row for row in old if row.entry.path not in replaced]
    after = boards_of([*kept, *(_data(row, table, ids) for row, table in new)], ids, {})
    return [_change(table, before, replaced) for table in after]


def _row_of(checked: Checked) -> tuple[BoardRow, ClipTable] | None:
    """Return the row that a submission would become."""
    submission, scored = checked.submission, checked.scored
    if submission is None or scored is None or checked.verdict.status == "rejected":
        return None
    path = submission.address.path
    row = BoardRow(
        path, submission.folder, submission.card, scored.result, scored.timing, checked.verdict
    )
    return row, scored.table


def _table(row: BoardRow) -> ClipTable:
    return tabulate(read_clips(row.folder / ZIPPED_CLIPS_FILE, row.result))


def _data(row: BoardRow, table: ClipTable, ids: dict[str, Sequence[str]]) -> RowData:
    name = hash_ids(table.ids)  # rows of one table have the same clips
    ids[name] = table.ids
    return row_data(row, table, (), name)


def _ranks(tables: Sequence[Board]) -> dict[str, int | None]:
    return {one.entry.path: one.wide_rank for table in tables for one in table.standings}


def _change(table: Board, before: dict[str, int | None], new: set[str]) -> TableChange:
    rows = tuple(
        RankChange(
            one.entry.name,
            one.entry.path,
            one.entry.status,
            one.entry.value,
            before.get(one.entry.path),
            one.wide_rank,
            one.entry.path in new,
        )
        for one in table.standings
    )
    return TableChange(board_title(table), describe(table.standings[0].entry.rank_metric), rows)


def change_lines(change: TableChange) -> Iterator[str]:
    """Yield the lines of a table of Markdown; its texts are quoted."""
    facts = change.headline
    yield f"#### {as_markdown(change.title)}: ranks, reproduced and rescored rows together"
    yield ""
    yield f"| system | {as_markdown(facts.label)} | status | before | after |"
    yield "|---|---|---|---|---|"
    for row in change.rows:
        name = as_markdown(f"{row.name}, {row.path}")
        shown = f"**{name}**" if row.is_new else name
        moved = "" if row.before in (None, row.after) else " (moved)"
        yield (
            f"| {shown} | {as_markdown(facts.text(row.value))} | {row.status} "
            f"| {row.before or ''} | {row.after or ''}{moved} |"
        )

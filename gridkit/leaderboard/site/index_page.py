"""What the first page of the site shows, gathered into records for its template."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridkit.errors import printable
from gridkit.evaluation.report.charts import Axis, LogAxis, log_axis, nice_axis
from gridkit.evaluation.report.page import TASK_TITLES
from gridkit.leaderboard.board import Event
from gridkit.leaderboard.site.entries import Entry
from gridkit.leaderboard.site.reported import Reported
from gridkit.leaderboard.site.standings import (
    STRICT,
    WIDE,
    Board,
    Standing,
    pareto_front,
)
from gridkit.results.caveats import CLOCK_DISPUTED
from gridkit.results.records import CONTROL_PREFIX, PROTOCOL
from gridkit.results.rows import Cell, Row, cell, columns, interval_note, latency_text
from gridkit.results.wording import MetricFacts, describe

NEWS = 20
"""Events that the first page shows."""
MOST_NAMES = 14
"""Dots of a chart that have their names beside them."""
PLOT_PX = 240
LINE_PX = 15


@dataclass(frozen=True)
class Line:
    """A row of a table."""

    kind: str
    """Its status, or `control`."""
    standing: Standing | None
    """None for a control."""
    name: str
    flags: tuple[str, ...]
    cells: tuple[Cell, ...]
    failed: int
    n: int
    latency: str
    device: str
    clock: str
    """Whose clock the latency is of."""


@dataclass(frozen=True)
class Dot:
    """A system in a chart of quality against latency."""

    entry: Entry
    x: float
    y: float
    """Percent of the height, from the top."""
    label_px: float | None
    """Where its name stands, from the top; None where there are too many names."""
    text: str


@dataclass(frozen=True)
class Front:
    """Systems timed on one device class: how good each is, and how fast."""

    device: str
    x_axis: LogAxis
    y_axis: Axis
    better: str
    dots: tuple[Dot, ...]
    strict_steps: tuple[tuple[float, float, float, float], ...]
    """The Pareto front of reproduced rows, as lines x1, y1, x2, y2 in percent."""
    wide_steps: tuple[tuple[float, float, float, float], ...]
    """The same with rescored rows."""

    def top(self, value: float) -> float:
        """Return how far from the top a value stands, in percent: the better, the higher."""
        return from_top(self.y_axis, value, self.better)


@dataclass(frozen=True)
class BoardView:
    """One table, with its chart."""

    id: str
    title: str
    board: Board
    n: int
    speakers: int
    interval_note: str
    is_old: bool
    headline: MetricFacts
    columns: tuple[MetricFacts, ...]
    lines: tuple[Line, ...]
    fronts: tuple[Front, ...]


@dataclass(frozen=True)
class News:
    """An event, with the row that it is about where that still stands."""

    event: Event
    key: str | None
    name: str


@dataclass(frozen=True)
class Index:
    """Everything the template of the first page prints."""

    boards: tuple[BoardView, ...]
    systems: int
    rows: int
    counts: Mapping[str, int]
    """Status to rows."""
    reported: tuple[tuple[str, tuple[Reported, ...]], ...]
    """Title of a task to what papers report."""
    news: tuple[News, ...]
    older: int
    """Events that only the page of changes shows."""


def build_index(
    boards: Sequence[Board], reported: Sequence[Reported], log: Sequence[Event]
) -> Index:
    """Return what the first page shows."""
    entries = [standing.entry for board in boards for standing in board.standings]
    news = news_of(log, entries)
    return Index(
        boards=tuple(_view(board) for board in boards),
        systems=len({entry.path.split("/")[0] for entry in entries}),
        rows=len(entries),
        counts={status: sum(entry.status == status for entry in entries)
                for status in (*WIDE, "unverified")},
        reported=tuple(
            (title, tuple(one for one in reported if one.task == task))
            for task, title in TASK_TITLES.items()
            if any(one.task == task for one in reported)
        ),
        news=news[:NEWS],
        older=max(0, len(news) - NEWS),
    )  # fmt: skip


def news_of(log: Sequence[Event], entries: Iterable[Entry]) -> tuple[News, ...]:
    """Return the events of a log, newest first."""
    known = {entry.path: entry for entry in entries}
    found = []
    for event in reversed(log):
        entry = known.get(event.path)
        name = entry.name if entry else event.path
        found.append(News(event, entry.key if entry else None, name))
    return tuple(found)


def board_title(board: Board) -> str:
    """Return the heading of a table."""
    return f"{TASK_TITLES[board.question.task]}, split {board.question.split}"


def from_top(axis: Axis, value: float, better: str) -> float:
    """Return how far from the top of a plot a value stands, in percent: the better, the higher."""
    at = axis.percent(value)
    return at if better == "down" else round(100 - at, 3)


def _view(board: Board) -> BoardView:
    entries = [standing.entry for standing in board.standings]
    rows = [entry.row for entry in entries]
    names, _ = columns([*rows, *board.controls])
    headline = describe(board.rank_metric)
    first = (rows or board.controls)[0].result
    lines = [
        _line(standing.entry.status, standing, row, _flags(standing.entry), names)
        for standing, row in zip(board.standings, rows, strict=True)
    ]
    lines += [_line("control", None, row, row.flags, names) for row in board.controls]
    return BoardView(
        id=board.id,
        title=board_title(board),
        board=board,
        n=first.n,
        speakers=len(first.speakers),
        interval_note=interval_note(first),
        is_old=board.question.protocol != PROTOCOL,
        headline=headline,
        columns=tuple(describe(name) for name in names),
        lines=tuple(lines),
        fronts=_fronts(entries, headline),
    )


def _flags(entry: Entry) -> tuple[str, ...]:
    """Return what limits a row, a word or two each."""
    return (*(f"in doubt: {printable(reason)}" for reason in entry.reasons), *entry.flags)


def _line(
    kind: str,
    standing: Standing | None,
    row: Row,
    flags: tuple[str, ...],
    names: Sequence[str],
) -> Line:
    return Line(
        kind=kind,
        standing=standing,
        name=row.name.removeprefix(CONTROL_PREFIX),
        flags=(*flags, *(f"{flag} latency" for flag in row.latency_flags)),
        cells=tuple(cell(name, row.result.metrics) for name in names),
        failed=row.failed,
        n=row.result.n,
        latency=latency_text(row.latency_ms),
        device=row.device,
        clock=standing.entry.clock if standing else "",
    )


def _fronts(entries: Sequence[Entry], headline: MetricFacts) -> tuple[Front, ...]:
    """Return a chart for each device class, that of most systems first."""
    classes: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.latency_ms is not None and entry.latency_ms > 0:
            classes.setdefault(entry.device, []).append(entry)
    ordered = sorted(classes.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_front(device, timed, headline) for device, timed in ordered)


def _front(device: str, entries: Sequence[Entry], headline: MetricFacts) -> Front:
    x_axis = log_axis([entry.latency_ms or 0.0 for entry in entries])
    values = [entry.value for entry in entries]
    room = 0.08 * (max(values) - min(values))
    y_axis = nice_axis(
        [min(values) - room, max(values) + room], from_zero=False, in_percent=headline.percent
    )
    places = [
        (x_axis.percent(entry.latency_ms or 0.0), from_top(y_axis, entry.value, headline.better))
        for entry in entries
    ]
    labels = _labels(places) if len(entries) <= MOST_NAMES else [None] * len(entries)
    dots = tuple(
        Dot(entry, x, y, label, _dot_text(entry, headline))
        for entry, (x, y), label in zip(entries, places, labels, strict=True)
    )

    def steps(statuses: Sequence[str]) -> tuple[tuple[float, float, float, float], ...]:
        shown = [
            dot
            for dot in dots
            if dot.entry.status in statuses and CLOCK_DISPUTED not in dot.entry.latency_flags
        ]
        points = [(dot.entry.latency_ms or 0.0, headline.badness(dot.entry.value)) for dot in shown]
        corners = [(shown[place].x, shown[place].y) for place in pareto_front(points)]
        found = []
        ends = [*(x for x, _ in corners), 100.0][1:]
        for place, ((x, y), end) in enumerate(zip(corners, ends, strict=True)):
            if place:
                found.append((x, corners[place - 1][1], x, y))
            found.append((x, y, end, y))
        return tuple(found)

    return Front(device, x_axis, y_axis, headline.better, dots, steps(STRICT), steps(WIDE))


def _dot_text(entry: Entry, headline: MetricFacts) -> str:
    return f"{headline.text(entry.value)}, {latency_text(entry.latency_ms)} ({entry.clock})"


def _labels(places: Sequence[tuple[float, float]]) -> list[float | None]:
    """Return how far from the top each dot's name stands, so that none covers another."""
    taken: list[tuple[float, float]] = []
    found: list[float | None] = [None] * len(places)
    for place in sorted(range(len(places)), key=lambda place: places[place][1]):
        x, y = places[place][0], places[place][1] * PLOT_PX / 100
        while any(abs(x - other) < 40 and abs(y - above) < LINE_PX for other, above in taken):
            y += 2
        taken.append((x, y))
        found[place] = round(y, 1)
    return found

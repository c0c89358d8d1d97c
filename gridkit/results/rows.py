"""The table that ends an evaluation: the user's system, references and controls, row by row.

Every figure has its interval; every row its n, failures and latency; a recogniser's figure
stands beside its own on the true sound of the same clips.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gridkit.metrics.registry import ALIGNED
from gridkit.results.caveats import result_flags, timing_flags
from gridkit.results.files import Scored
from gridkit.results.records import CONTROL_PREFIX, PROTOCOL, Estimate, Result
from gridkit.results.statistics import MIN_SPEAKERS_FOR_T
from gridkit.results.timing import FailedTiming, Timing
from gridkit.results.wording import LAG, LAG_SIZE, describe, order_key, recogniser_of

KINDS = ("system", "reference", "control")
SMALL_PRINT = ("pesq_nb_raw", "cer_", "slot_")
"""Figures that do not stand in the first table, besides the aligned ones; by prefix."""

NONSENSE = f"{CONTROL_PREFIX}shuffled"

NAME_WIDTH = 20
"""Characters of a terminal's column of names, at least."""


@dataclass(frozen=True)
class Row:
    """One system of the table."""

    kind: str
    """`system` (the user's own), `reference` or `control`."""
    result: Result
    latency_ms: float | None = None
    """Median latency; None where the system was not timed."""
    device: str = ""
    """What it was timed on."""
    latency_flags: tuple[str, ...] = ()
    """What is wrong with the latency: noisy, clock-disputed."""

    @property
    def name(self) -> str:
        """Return what the system calls itself."""
        return self.result.name

    @property
    def failed(self) -> int:
        """Return how many clips failed."""
        return sum(self.result.failed.values())

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what limits the figures, a word each."""
        return result_flags(self.result)


@dataclass(frozen=True)
class Cell:
    """One figure as text."""

    value: str
    interval: str = ""
    beside: str = ""
    """What stands beside it: the recogniser on true sound, or the mean size of the lag."""


def row_of(kind: str, scored: Scored) -> Row:
    """Return the row of a RESULT folder."""
    return timed_row(kind, scored.result, scored.timing)


def timed_row(kind: str, result: Result, timing: Timing | FailedTiming | None) -> Row:
    """Return the row of a result with the median, and the device, of its `timing.json`."""
    if not isinstance(timing, Timing):
        return Row(kind, result)
    return Row(kind, result, timing.latency_ms.p50, timing.device, timing_flags(timing))


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return rows with the user's system first, then references, then controls, each by rank."""

    def key(row: Row) -> tuple[int, float, str]:
        metric = row.result.rank_metric
        estimate = row.result.metrics.get(metric)
        value = estimate.value if estimate else float("-inf")
        lower = describe(metric).better == "down"
        return KINDS.index(row.kind), value if lower else -value, row.name

    return sorted(rows, key=key)


def columns(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Return the metrics of the first table, the headline first, and those of the small print."""
    names = sorted({name for row in rows for name in row.result.metrics}, key=order_key)
    names = [name for name in names if name != LAG_SIZE]
    # a search for the best lag flatters nonsense: aligned figures stand beside the nonsense alone
    if not any(row.name == NONSENSE for row in rows):
        names = [name for name in names if not name.endswith(ALIGNED)]
    # an older protocol has no figure to spare
    spared = SMALL_PRINT if rows[0].result.protocol == PROTOCOL else ()
    small = [name for name in names if name.startswith(spared) or name.endswith(ALIGNED)]
    main = [name for name in names if name not in small]
    headlines = {row.result.rank_metric for row in rows}
    return sorted(main, key=lambda name: name not in headlines), small


def cell(name: str, metrics: Mapping[str, Estimate]) -> Cell:
    """Return a figure as text, with its interval and what stands beside it."""
    estimate = metrics.get(name)
    if estimate is None:
        return Cell("")
    facts = describe(name)
    beside = ""
    if estimate.true_audio is not None:
        beside = f"true {facts.text(estimate.true_audio)}"
    elif name == LAG and LAG_SIZE in metrics:
        beside = f"mean size {facts.text(metrics[LAG_SIZE].value)}"
    return Cell(
        facts.text(estimate.value),
        facts.interval(estimate.low, estimate.high),
        beside,
    )


def latency_text(latency_ms: float | None) -> str:
    """Return a latency as text, empty where there is none.

    >>> latency_text(3.14159), latency_text(99.7), latency_text(1234.5), latency_text(None)
    ('3.1 ms', '100 ms', '1234 ms', '')
    """
    if latency_ms is None:
        return ""
    return f"{latency_ms:.0f} ms" if latency_ms >= 10 else f"{latency_ms:.2g} ms"


def interval_note(result: Result) -> str:
    """Say in one line what the intervals speak for."""
    speakers = len(result.speakers)
    if speakers >= MIN_SPEAKERS_FOR_T:
        return f"95 % intervals over {speakers} speakers"
    names = ", ".join(result.speakers)
    return f"95 % intervals over clips: these speakers only ({names})"


def latency_note(rows: Sequence[Row]) -> str:
    """Say in one line where references were timed, empty where none was: not in this run."""
    timed = [row for row in rows if row.kind == "reference" and row.latency_ms is not None]
    devices = sorted({row.device for row in timed})
    return f"latency of references as timed on {', '.join(devices)}" if devices else ""


def final_table(rows: Sequence[Row], width: int = 120) -> Table:
    """Return the table for a terminal; names are shown as they are, never as markup.

    Args:
        rows: the user's system, references and controls, in any order.
        width: characters of the terminal; figures that do not fit are left to the report.
    """
    rows = ordered(rows)
    main, _ = columns(rows)
    wide = Console(width=10 * width)
    longest = max(len(text) for row in rows for text in (row.name, *_all_flags(row)))
    # names fold down to their least width; figures never do
    room = width + max(0, min(longest, 2 * NAME_WIDTH) - NAME_WIDTH)
    shown = main[:1]
    for name in _by_weight(main)[1:]:
        wider = [column for column in main if column in (*shown, name)]
        table = _table_of(rows, main, wider)
        if Measurement.get(wide, wide.options, table).maximum <= room:
            shown = wider
    return _table_of(rows, main, shown)


def _table_of(rows: Sequence[Row], main: Sequence[str], shown: Sequence[str]) -> Table:
    """Return the table of ordered rows with some of the metrics; the caption names the others."""
    first = rows[0].result
    left_out = ", ".join(describe(name).label for name in main if name not in shown)
    left_out = f"in the report also {left_out}" if left_out else ""
    caption = "; ".join(filter(None, (interval_note(first), latency_note(rows), left_out)))
    table = Table(
        title=Text(f"{first.split.get('name')}:{first.split.get('subset')}, {first.protocol}"),
        caption=Text(caption),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("system", min_width=NAME_WIDTH, max_width=2 * NAME_WIDTH, overflow="fold")
    for name in shown:
        facts = describe(name)
        label = Text(f"{facts.label} {facts.arrow}".strip())
        table.add_column(label, justify="right", no_wrap=True)
    for heading in ("failed", "latency"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        style = {"system": "bold", "control": "dim"}.get(row.kind, "")
        table.add_row(
            _lines(Text(row.name, style), _all_flags(row)),
            *(_terminal_cell(cell(name, row.result.metrics), style) for name in shown),
            f"{row.failed}/{row.result.n}",
            latency_text(row.latency_ms),
        )
    return table


def _all_flags(row: Row) -> tuple[str, ...]:
    """Return all flags, for the column of names: that of latencies is narrow."""
    return (*row.flags, *(f"{flag} latency" for flag in row.latency_flags))


def _by_weight(names: Sequence[str]) -> list[str]:
    """Return metrics by weight: the headline and what recognisers hear come first."""
    return sorted(names, key=lambda name: (name != names[0], recogniser_of(name) is None))


def _terminal_cell(shown: Cell, style: str) -> Text:
    lines = (shown.interval.replace(" to ", "\N{EN DASH}"), shown.beside)
    return _lines(Text(shown.value, style), lines)


def _lines(text: Text, below: Iterable[str]) -> Text:
    """Return a cell with smaller lines below."""
    for line in filter(None, below):
        text.append(f"\n{line}", "dim")
    return text

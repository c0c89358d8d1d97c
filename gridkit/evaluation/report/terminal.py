"""The table that ends an evaluation on a terminal, as wide as the terminal is."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gridkit.results.rows import (
    Cell,
    Row,
    cell,
    columns,
    interval_note,
    latency_note,
    latency_text,
    ordered,
)
from gridkit.results.wording import describe, recogniser_of

NAME_WIDTH = 20
"""Characters of the column of names, at least."""


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
        title=Text(f"{first.split_name}:{first.subset_name}, {first.protocol}"),
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
    """Return metrics by weight: the headline and the recognisers' figures come first."""
    return sorted(names, key=lambda name: (name != names[0], recogniser_of(name) is None))


def _terminal_cell(shown: Cell, style: str) -> Text:
    lines = (shown.interval.replace(" to ", "\N{EN DASH}"), shown.footnote)
    return _lines(Text(shown.value, style), lines)


def _lines(text: Text, below: Iterable[str]) -> Text:
    """Return a cell with smaller lines below."""
    for line in filter(None, below):
        text.append(f"\n{line}", "dim")
    return text

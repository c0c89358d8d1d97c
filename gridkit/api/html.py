"""Records as small HTML tables, for notebooks; text that is not ours is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from gridkit.results.records import Estimate
from gridkit.results.wording import MetricFacts, describe

Cell = str | tuple[str, ...]
"""A text, or a text and smaller lines below."""


def figures_html(figures: Mapping[str, float]) -> str:
    """Return figures by name as a table, each with its direction and meaning."""
    described = [(describe(name), value) for name, value in figures.items()]
    rows = [(_label(facts), facts.text(value), facts.meaning) for facts, value in described]
    return table_html(("", "", ""), rows)


def estimates_html(estimates: Mapping[str, Estimate], caption: str) -> str:
    """Return headline figures as a table, each with its interval and n."""
    rows = []
    for name, estimate in estimates.items():
        facts = describe(name)
        interval = facts.interval(estimate.low, estimate.high)
        rows.append((_label(facts), facts.text(estimate.value), interval, str(estimate.n)))
    return table_html(("", "value", "95 % interval", "n"), rows, caption)


def table_html(headings: Sequence[str], rows: Iterable[Sequence[Cell]], caption: str = "") -> str:
    """Return a table; the first column is text, the others are figures.

    Args:
        headings: of the columns; without any text there is no head.
        rows: cells as plain text.
        caption: a line above.
    """
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        "<table>"
        + (f"<caption>{escape(caption)}</caption>" if caption else "")
        + (f"<thead><tr>{head}</tr></thead>" if any(headings) else "")
        + f"<tbody>{body}</tbody></table>"
    )


def lines_html(lines: Iterable[str]) -> str:
    """Return lines of text below each other."""
    return "".join(f"<div>{escape(line)}</div>" for line in lines)


def _label(facts: MetricFacts) -> str:
    return f"{facts.label} {facts.arrow}".strip()


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f'<td style="text-align: left">{escape(cell)}</td>'
    text, *below = cell
    small = "".join(f"<br><small>{escape(line)}</small>" for line in below if line)
    return f'<td style="white-space: nowrap">{escape(text)}{small}</td>'

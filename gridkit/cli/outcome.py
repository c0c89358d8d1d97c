"""How an evaluation ends: the report in its folder, and the table on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gridkit.evaluation.subset import Subset
    from gridkit.results.files import Scored
    from gridkit.results.rows import Row


def show_outcome(
    scored: "Scored", subset: "Subset", others: "Sequence[Row]", *, as_json: bool = False
) -> None:
    """Write the report of a result, and print its table (or result.json)."""
    from rich.console import Console

    from gridkit.evaluation.report.html import write_report
    from gridkit.evaluation.report.media import media_of
    from gridkit.evaluation.report.terminal import final_table
    from gridkit.results.caveats import caveats
    from gridkit.results.files import result_to_json
    from gridkit.results.rows import row_of

    page = write_report(scored.folder, others, media_of(scored, subset))
    if as_json:
        click.echo(result_to_json(scored.result), nl=False)
        return
    console = Console()
    console.print(final_table([row_of("system", scored), *others], console.width))
    for caveat in caveats(scored):
        click.echo(caveat.sentence)
    click.echo(f"look at   {page}")

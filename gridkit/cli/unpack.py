"""`gridkit unpack`: archives into a folder of files."""

import dataclasses
import json
from pathlib import Path

import click

from gridkit.cli.speakers import parse_speakers

EXAMPLE = """\b
Example:
  gridkit unpack archives clips --speakers s1
"""


@click.command(epilog=EXAMPLE)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("destination", metavar="DEST", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--speakers",
    metavar="s1,s2",
    callback=parse_speakers,
    help="Only these speakers.  [default: everything]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(
    source: Path, destination: Path, speakers: tuple[str, ...] | None, as_json: bool
) -> None:
    """Unpack SOURCE, an archive or a folder with archives, into the folder DEST.

    Only to look at the files: `gridkit prepare` reads archives as they are. Files that are
    there already, with the right content, are kept.
    """
    from contextlib import ExitStack

    from gridkit.compute.progress import Progress
    from gridkit.prepare.unpack import unpack

    with ExitStack() as stack:
        bar: Progress | None = None

        def show(_done: int, total: int) -> None:
            nonlocal bar
            bar = bar or stack.enter_context(Progress("unpack", total, unit="files"))
            bar.advance()

        counts = unpack(
            source,
            destination,
            speakers=speakers,
            progress=show,
        )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(counts), indent=2))
        return
    click.echo(
        f"{counts.members} files in {counts.archives} archives: {counts.written} written to "
        f"{destination} ({counts.written_bytes / 1e6:.1f} MB), {counts.kept} there already, "
        f"{counts.other_speakers} of other speakers"
    )

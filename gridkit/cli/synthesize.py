"""`gridkit synthesize`: a GRID-format source made on the spot."""

from pathlib import Path

import click

EXAMPLE = """\b
Example:
  gridkit synthesize talking --speakers 4 --clips 100
  gridkit prepare corpus --source talking
"""


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--speakers", default=4, show_default=True, help="How many speakers, x1 to xN.")
@click.option("--clips", default=100, show_default=True, help="How many clips each.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option("--workers", default=None, type=int, help="Processes; all cores if not given.")
def command(folder: Path, speakers: int, clips: int, seed: int, workers: int | None) -> None:
    """Make talking faces in GRID's format, without network.

    Writes DIR/xN/CODE.mpg and DIR/alignments/xN/CODE.align: synthetic speech, a face whose mouth
    follows it, and when each word is spoken. A second run keeps what is finished.
    """
    from gridkit.compute.local import usable_cores
    from gridkit.compute.progress import Progress
    from gridkit.synthesize.corpus import synthesize

    with Progress("synthesize", total=speakers * clips, unit="clips") as bar:
        before = 0

        def advance(done: int, _total: int) -> None:
            nonlocal before
            bar.advance(done - before)
            before = done

        summary = synthesize(
            folder, speakers, clips, seed, advance, workers=workers or usable_cores()
        )
    kept = summary.clips - summary.made
    click.echo(
        f"{summary.folder}: {summary.clips} clips of {summary.speakers} speakers, "
        f"{summary.made} made, {kept} kept from before"
    )

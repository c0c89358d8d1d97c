"""`gridkit validate`: check everything in a prepared corpus."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.executors import executor_options
from gridkit.cli.places import Place, described_at

if TYPE_CHECKING:
    from gridkit.storage.address import ObjectAddress

EXAMPLE = """\b
Example:
  gridkit validate corpus
  gridkit validate corpus --fast
"""


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=Place(file_okay=False))
@click.option("--fast", is_flag=True, help="Leave out decoding: bytes, rows and counts only.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: all cores]")
@executor_options
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(
    folder: "Path | ObjectAddress",
    fast: bool,
    workers: int | None,
    executor: str,
    slurm: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check the corpus in DIR (or s3://BUCKET/PREFIX): files, rows, counts, sound and pictures.

    Prints one line per problem and exits with status 6; with 0 where there is no problem.
    """
    import json
    from dataclasses import asdict

    from gridkit.compute.choose import open_executor, parse_where
    from gridkit.compute.progress import Progress
    from gridkit.errors import CheckFailed
    from gridkit.store.reader import open_corpus
    from gridkit.store.validate import validate

    where = parse_where(executor, slurm)
    with described_at(folder) as (place, objects):
        clips = open_corpus(place).file.counts.kept
        with (
            open_executor(where, shared=place, workers=workers) as some,
            Progress("validate", clips) as progress,
        ):
            report = validate(
                place,
                decode=not fast,
                on_clips=progress.advance,
                executor=some,
                objects=objects,
            )
    if as_json:
        click.echo(json.dumps(asdict(report), indent=1))
    else:
        for finding in report.findings:
            click.echo(str(finding))
    looked_at = (
        f"{report.shards} shards, {report.clips} clips, {report.source_clips} source clips"
        f"{', every sound and crop decoded' if report.decoded else ', nothing decoded (--fast)'}"
    )
    if report.findings:
        raise CheckFailed(f"{folder}: {_count(len(report.findings))} in {looked_at}")
    click.echo(f"{folder}: ok; {looked_at}", err=as_json)


def _count(findings: int) -> str:
    return "1 finding" if findings == 1 else f"{findings} findings"

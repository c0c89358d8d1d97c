"""`gridkit download`: GRID's archives from their publishers."""

import json
from pathlib import Path

import click

from gridkit.cli.speakers import parse_speakers

EXAMPLE = """\b
Example:
  gridkit download archives --speakers s1,s2
  gridkit prepare corpus --source archives
"""


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--source",
    type=click.Choice(["zenodo", "sheffield"]),
    default="zenodo",
    show_default=True,
    help="Where to fetch from. Zenodo publishes checksums.",
)
@click.option(
    "--speakers",
    metavar="s1,s2",
    callback=parse_speakers,
    help="Only these speakers.  [default: all 33 that have video]",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=4,
    show_default=True,
    help="Archives to fetch at the same time.",
)
@click.option("--base-url", metavar="URL", help="A mirror that serves the publisher's paths.")
@click.option("--json", "as_json", is_flag=True, help="Print the archives as JSON.")
def command(
    folder: Path,
    source: str,
    speakers: tuple[str, ...] | None,
    workers: int,
    base_url: str | None,
    as_json: bool,
) -> None:
    """Download GRID's archives, video and alignments, into DIR.

    About 0.4 GB per speaker, checked against the publisher's md5. Run it again after any
    interruption: it resumes.
    """
    from gridkit.cli.file_bars import FileBars
    from gridkit.prepare.download import download

    with FileBars() as bars:
        archives = download(
            folder,
            source=source,
            speakers=speakers,
            base_url=base_url,
            workers=workers,
            progress=bars,
        )
    if as_json:
        rows = [
            {
                "name": archive.name,
                "path": str(archive.path),
                "speaker": archive.speaker,
                "size_bytes": archive.size_bytes,
                "fetched_bytes": archive.fetched_bytes,
            }
            for archive in archives
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    size_bytes = sum(archive.size_bytes for archive in archives)
    fetched_bytes = sum(archive.fetched_bytes for archive in archives)
    click.echo(
        f"{len(archives)} archives in {folder}, {size_bytes / 1e6:.1f} MB, "
        f"{fetched_bytes / 1e6:.1f} MB of it fetched now"
    )

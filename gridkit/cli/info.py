"""`gridkit info`: a prepared corpus at a glance."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.places import Place, described_at

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gridkit.storage.address import ObjectAddress
    from gridkit.store.corpus_file import CorpusFile
    from gridkit.store.info import CorpusInfo

EXAMPLE = """\b
Example:
  gridkit info corpus
  gridkit info corpus --json
"""
PLAIN_WIDTH = 120


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=Place(file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(folder: "Path | ObjectAddress", as_json: bool) -> None:
    """Show what the corpus in DIR (or s3://BUCKET/PREFIX) holds: clips, splits, crops, defects."""
    import json

    from rich.console import Console

    from gridkit.store.info import corpus_info

    with described_at(folder) as (place, objects):
        info = corpus_info(place, objects)
    if as_json:
        click.echo(json.dumps(info.as_dict(), indent=1))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    _show(info, folder, console)


def _show(info: "CorpusInfo", folder: "Path | ObjectAddress", console: "Console") -> None:
    file, counts = info.file, info.file.counts
    rejected = ", ".join(f"{count} {reason}" for reason, count in counts.rejected.items())
    console.print(
        f"[bold]{folder}[/bold]: {_what(file)} from "
        f"{file.source}, prepared by gridkit {file.gridkit_version}"
    )
    console.print(
        f"{counts.found} source clips: {counts.kept} kept, "
        f"{counts.found - counts.kept} rejected{f' ({rejected})' if rejected else ''}"
    )
    console.print(f"{_size(info.total_bytes)} in {len(file.shards)} shards: {_parts(info)}")
    for title, table in (
        ("Speakers", _speakers(file, console)),
        ("Splits: clips here of clips by definition", _splits(file, console)),
        ("Crop profiles", _profiles(file, console)),
    ):
        console.print()
        console.print(f"[bold]{title}[/bold]")
        console.print(table)
    console.print()
    console.print("[bold]Worth knowing[/bold]")
    for note in info.notes:
        console.print(f"- {note}")
    landmarks = info.landmarks
    console.print(
        f"- landmarks: {landmarks['detector']}, {landmarks['points']}: {landmarks['licence']}"
    )


def _what(file: "CorpusFile") -> str:
    from gridkit.store.card import title_of

    return "synthetic clips" if file.synthetic else title_of(file)


def _table(console: "Console", *columns: str) -> "Table":
    """Return an empty table: ruled on a terminal, bare columns elsewhere."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left")
    return table


def _speakers(file: "CorpusFile", console: "Console") -> "Table":
    table = _table(console, "speaker", "found", "kept", "rejected")
    for name, figures in file.counts.speakers.items():
        rejected = figures.found - figures.kept
        table.add_row(name, str(figures.found), str(figures.kept), str(rejected or ""))
    return table


def _splits(file: "CorpusFile", console: "Console") -> "Table":
    table = _table(console, "split", "train", "val", "test")
    for name, entry in file.splits.items():
        if any(figures.here for figures in entry.subsets.values()):
            cells = (f"{figures.here} of {figures.clips}" for figures in entry.subsets.values())
            table.add_row(name, *cells)
    return table


def _profiles(file: "CorpusFile", console: "Console") -> "Table":
    table = _table(console, "profile", "width", "height", "colour")
    for name, profile in file.profiles.items():
        table.add_row(
            name, str(profile["width_px"]), str(profile["height_px"]), str(profile["colour"])
        )
    return table


def _parts(info: "CorpusInfo") -> str:
    return ", ".join(f"{name} {_size(size)}" for name, size in info.column_bytes.items())


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"

"""`gridkit export`: a prepared corpus in the format of another trainer."""

from pathlib import Path

import click

EXAMPLE = """\b
Examples:
  gridkit export grid --format webdataset --split s1 --out s1-tars
  gridkit export grid --format lhotse --split unseen --out unseen-lhotse
  gridkit export grid --format filelist --split seen4:test --crop mouth96 --out seen4-test
"""


@click.command("export", epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "format_name", required=True,
              type=click.Choice(["webdataset", "lhotse", "filelist"]),
              help="Tars; manifests, FLAC, MP4; fairseq lists, WAV, MP4.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="OUT",
              help="A new folder.")  # fmt: skip
@click.option("--split", metavar="NAME[:SUBSET]",
              help="Such as s1 (all its subsets) or unseen:val.  [default: all clips]")  # fmt: skip
@click.option("--crop", metavar="PROFILE", help="Needed where DIR has several.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(
    folder: Path, format_name: str, out: Path, split: str | None, crop: str | None, as_json: bool
) -> None:
    """Write the clips of the prepared corpus DIR for trainers that read another format.

    Sound and crops are copied as they are stored. OUT appears when it is complete; CORPUS.md in it
    carries licence and attribution.
    """
    import json

    from gridkit.compute.progress import Progress
    from gridkit.publish.export.run import FORMATS, export
    from gridkit.publish.export.selection import select
    from gridkit.store.reader import open_corpus

    selection = select(open_corpus(folder), split, crop)
    counts, left_out = selection.counts, selection.left_out
    exported = sum(counts.values())
    with Progress("export", exported) as progress:
        export(selection, out, format_name, progress.advance)
    if as_json:
        about = {"folder": str(out), "format": format_name, "crop": selection.profile}
        click.echo(json.dumps({**about, "clips": counts, "left_out": left_out}, indent=1))
        return
    kept = selection.corpus.file.counts.kept
    click.echo(f"{out}: {exported} of {kept} clips, crop {selection.profile}")
    for part, clips in counts.items():
        click.echo(f"  {part:9} {clips:6}")
    if left_out:
        click.echo(f"  left out  {left_out:6}  not in {split}")
    click.echo(f"load      {FORMATS[format_name].example(out.absolute(), selection)}")

"""What a finished run prints: counts that add up, and what to do next."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from gridkit.errors import InputError, SourceNotWholeError
from gridkit.storage.address import ObjectAddress
from gridkit.store.corpus_file import CorpusFile


def print_summary(
    folder: Path | ObjectAddress, corpus: CorpusFile, *, as_json: bool = False
) -> None:
    """Print what became of the source clips."""
    counts, shown = corpus.counts, click.format_filename(str(folder))
    if as_json:
        click.echo(
            json.dumps({"folder": shown, **asdict(counts), "notes": corpus.source_notes}, indent=1)
        )
        return
    rejected = counts.found - counts.kept
    click.echo(f"{shown}: {counts.found} clips found, {counts.kept} kept, {rejected} rejected")
    for reason, clips in counts.rejected.items():
        click.echo(f"  rejected  {reason:16} {clips:6}")
    for flag, clips in counts.flags.items():
        click.echo(f"  flagged   {flag:16} {clips:6}")
    if corpus.misfiled_alignments:
        total = sum(corpus.misfiled_alignments.values())
        click.echo(f"  alignments found in another speaker's folder, joined by code: {total}")
    ignored = corpus.settings.get("ignored_files", 0)
    if ignored:
        click.echo(f"  ignored   {ignored} files that are not clips, alignments or archives")
    for note in corpus.source_notes:
        click.echo(f"  note      {note}")
    if not counts.kept:
        click.echo(f"no clip was kept; the reasons are in {shown}/manifest.parquet")
        return
    click.echo(f"look at   {shown}/preview.png")
    click.echo(f"details   gridkit info {shown}")
    if isinstance(folder, ObjectAddress):
        click.echo(f'load      gridkit.open_corpus("{shown}")')
        return
    click.echo(f'load      datasets.load_dataset("{shown}", split="clips")')


def print_outcome(
    folder: Path | ObjectAddress, corpus: CorpusFile, *, as_json: bool = False
) -> None:
    """Print what became of the source clips, and fail where this is less than it should be.

    Raises:
        InputError: not one clip was kept.
        SourceNotWholeError: a folder of the source could not be listed.
    """
    print_summary(folder, corpus, as_json=as_json)
    if not corpus.counts.kept:
        raise InputError(f"not one of {corpus.counts.found} clips of the source could be kept")
    if corpus.unlisted_folders:
        raise SourceNotWholeError(
            f"{' '.join(corpus.unlisted_folders)} in the source could not be listed, so what is in "
            f"there is not in {folder}; allow it to be read, and give the same command again"
        )

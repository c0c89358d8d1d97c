"""`gridkit prepare`: a source to a prepared corpus."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.executors import executor_options
from gridkit.cli.places import Place, objects_at
from gridkit.cli.speakers import parse_speakers

if TYPE_CHECKING:
    from gridkit.prepare.pipeline import Part
    from gridkit.storage.address import ObjectAddress

_OF_ANY_SOURCE = ("folder", "source", "crops", "workers", "as_json")


def _parse_unit(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Return units per second, None where the option is not given."""
    from gridkit.corpus.alignment import UNITS

    if value is None or value in UNITS:
        return None if value is None else UNITS[value]
    if not value.isdecimal() or not 0 < int(value) <= 1_000_000_000:
        names = ", ".join(UNITS)
        raise click.BadParameter(f"{value}: expected {names}, or a number of units per second")
    return int(value)


def _parse_part(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> "Part | None":
    """Return which part of how many, None where the option is not given."""
    if value is None:
        return None
    from gridkit.prepare.pipeline import Part

    number, slash, of = value.partition("/")
    digits = number.isascii() and number.isdigit() and of.isascii() and of.isdigit()
    if not slash or not digits or not 1 <= int(number) <= int(of):
        raise click.BadParameter(f"{value}: expected I/N with I from 1 to N, such as 3/8")
    return Part(int(number), int(of))


@click.command("prepare")
@click.argument("folder", metavar="DIR", type=Place())
@click.option(
    "--source",
    default="zenodo",
    show_default=True,
    help="zenodo or sheffield (downloads into DIR/source), synthetic (makes clips there), a "
    "folder with archives or clips at any depth, or hf:ORG/NAME[@REVISION] (a corpus that was "
    "published).",
)
@click.option(
    "--speakers",
    metavar="s1,s2",
    callback=parse_speakers,
    help="Only these speakers.  [default: all]",
)
@click.option(
    "--crop",
    "crops",
    multiple=True,
    metavar="PROFILE",
    help="mouth96, lipnet, gan, face128 or a TOML file; may be given several times. A later run "
    "with another profile adds it without detecting faces again.  [default: mouth96]",
)
@click.option(
    "--alignments",
    type=click.Path(path_type=Path),
    help="Zip, tar or folder with alignments outside the source; they come before the source's.",
)
@click.option(
    "--alignment-unit",
    metavar="UNIT",
    callback=_parse_unit,
    help="Unit of the times in alignments: ticks (1/25000 s), frames, ms, seconds, or a number of "
    "units per second.  [default: ticks]",
)
@click.option(
    "--split-file",
    "split_files",
    multiple=True,
    metavar="NAME=FILE",
    help="Add a split from a list: one FILE with a subset in each line, or "
    "NAME=train:FILE,val:FILE,test:FILE.",
)
@click.option(
    "--unseen-split-file",
    "unseen_split_files",
    multiple=True,
    metavar="NAME=FILE",
    help="The same, and refuse a list whose test speakers are also in train or val.",
)
@click.option(
    "--landmarks-model",
    type=click.Path(path_type=Path),
    help="Another dlib 68-point model; the default one is for non-commercial use only.",
)
@click.option("--lossless", is_flag=True, help="Store crops as FFV1: about six times the size.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: all cores]")
@click.option(
    "--shard",
    "part",
    metavar="I/N",
    callback=_parse_part,
    help="Make part I of N alone, such as 3/8; when all are made, gridkit merge DIR puts them "
    "together. For your own scheduler, on machines that share DIR and the source.",
)
@executor_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    folder: "Path | ObjectAddress",
    source: str,
    speakers: tuple[str, ...] | None,
    crops: tuple[str, ...],
    alignments: Path | None,
    alignment_unit: int | None,
    split_files: tuple[str, ...],
    unseen_split_files: tuple[str, ...],
    landmarks_model: Path | None,
    lossless: bool,
    workers: int | None,
    part: "Part | None",
    executor: str,
    slurm: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a checked, cropped and split corpus in DIR (or s3://BUCKET/PREFIX) that trains models.

    If it is killed or interrupted, the same command resumes. Every source clip is listed in
    DIR/manifest.parquet, kept or rejected with its reason.

    \b
    Examples:
      gridkit prepare grid --speakers s1,s2
      gridkit prepare grid --source ~/GRID --crop mouth96 --crop lipnet
      gridkit prepare demo --source synthetic
      gridkit prepare grid --source hf:ORG/NAME@REVISION
      gridkit prepare grid --source ~/GRID --shard 3/8; gridkit merge grid
      gridkit prepare s3://lab/grid --source ~/GRID
    """
    from gridkit.hub.address import is_hub_address

    if is_hub_address(source):
        _refuse_options_of_other_sources()
        if not isinstance(folder, Path):
            raise click.UsageError(f"{folder}: a published corpus is fetched to a folder; name one")
        _from_hub(source, folder, crops, workers, as_json=as_json)
        return
    from gridkit.compute.choose import open_executor, parse_where
    from gridkit.compute.local import load_early
    from gridkit.prepare import PRELOAD

    where = parse_where(executor, slurm)
    if where.is_local:
        load_early(PRELOAD)
    elif not isinstance(folder, Path):
        raise click.UsageError("s3:// takes --executor local; on several machines, --shard I/N")
    from gridkit.cli.file_bars import FileBars
    from gridkit.cli.summary import print_outcome
    from gridkit.prepare.pipeline import Request, prepare_corpus, prepare_part
    from gridkit.prepare.request import (
        PUBLISHERS,
        SYNTHETIC,
        make_settings,
        read_split_files,
        source_folder,
    )
    from gridkit.prepare.to_objects import prepare_on_objects, prepare_part_on_objects

    settings = make_settings(crops, landmarks_model, lossless=lossless)
    splits = (
        *read_split_files(split_files, unseen_speakers=False),
        *read_split_files(unseen_split_files, unseen_speakers=True),
    )
    chosen = speakers or ()
    objects = objects_at(folder)
    if source in (*PUBLISHERS, SYNTHETIC) and (part is not None or objects is not None):
        raise click.UsageError(
            f"{'--shard' if part else 's3://'} needs the clips before: fetch them once (gridkit "
            f"download, or gridkit synthesize), and name their folder with --source instead of "
            f"{source}"
        )
    here = folder if isinstance(folder, Path) else Path()
    with FileBars() as bars:
        place, name = source_folder(source, here, chosen, bars)
    request = Request(
        here,
        place,
        name,
        settings,
        chosen,
        alignments,
        splits,
        alignment_units_per_s=alignment_unit,
    )
    with open_executor(where, shared=here, workers=workers, preload=PRELOAD) as some:
        if part is not None:
            batches = (
                prepare_part(request, part, _say, some)
                if objects is None
                else prepare_part_on_objects(request, part, objects, _say, some)
            )
            if as_json:
                made = {"folder": str(folder), "shard": str(part), "batches": batches}
                click.echo(json.dumps(made, indent=1))
                return
            click.echo(
                f"{folder}: shard {part} is made ({batches} batches); next: gridkit merge {folder}"
            )
            return
        file = (
            prepare_corpus(request, _say, some)
            if objects is None
            else prepare_on_objects(request, objects, _say, some)
        )
    print_outcome(folder, file, as_json=as_json)


def _say(note: str) -> None:
    click.echo(f"gridkit: {note}", err=True)


def _refuse_options_of_other_sources() -> None:
    """Refuse options that a published corpus has decided already."""
    context = click.get_current_context()
    given = click.core.ParameterSource.COMMANDLINE
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in _OF_ANY_SOURCE and context.get_parameter_source(name) is given:
            raise click.UsageError(
                f"{parameter.opts[0]} cannot be used with --source hf:, which fetches a published "
                "corpus as it is; leave it out, or prepare from the source clips"
            )


def _from_hub(
    source: str, folder: Path, crops: tuple[str, ...], workers: int | None, *, as_json: bool
) -> None:
    from gridkit.cli.summary import print_summary
    from gridkit.compute.local import usable_cores
    from gridkit.hub.address import parse_hub_address
    from gridkit.prepare.from_hub import prepare_from_hub

    address = parse_hub_address(source, "--source")
    file = prepare_from_hub(address, folder, crops, workers or usable_cores())
    print_summary(folder, file, as_json=as_json)

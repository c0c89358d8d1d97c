"""`gridkit train`: a recipe's model from a prepared corpus."""

from pathlib import Path

import click

EXAMPLE = """\b
Examples:
  gridkit train recipes/lipnet-s1 --data corpus --out runs/lipnet-s1
  gridkit train recipes/lipnet-s1 --data corpus --out runs/quick --set training.steps=500
  gridkit train recipes/lipnet-s1 --data corpus --out runs/big --export-cache s1.pack
  python -m gridkit.train.run recipes/lipnet-s1 --packed s1.pack --out runs/big --minutes 9
"""

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=EXAMPLE)
@click.argument("recipe_folder", metavar="RECIPE", type=FOLDER)
@click.option("--data", metavar="DIR", help="Prepared corpus, or hf:ORG/NAME@REVISION.")
@click.option("--packed", type=FILE, help="Packed cache instead of a corpus.")
@click.option("--split", help="Another split than the recipe's, for a trial on other clips.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the run; it resumes there.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="A setting of [training] or [augmentation].",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--threads", type=int, help="CPU threads; all cores if not given.")
@click.option("--minutes", type=float, help="Stop after so long; run again to resume.")
@click.option("--checkpoint-part", type=float, metavar="MIB", help="Largest file of a checkpoint.")
@click.option("--export-cache", type=FILE, help="Pack the clips into this file, do not train.")
def command(
    recipe_folder: Path,
    data: str | None,
    packed: Path | None,
    split: str | None,
    out: Path,
    overrides: tuple[str, ...],
    device: str,
    threads: int | None,
    minutes: float | None,
    checkpoint_part: float | None,
    export_cache: Path | None,
) -> None:
    """Train the model of RECIPE, or resume a run that stopped.

    OUT becomes a recipe folder itself, from the first validation on: `gridkit evaluate --model OUT`
    takes it. Test clips are never read.
    """
    from gridkit.cli.train_bar import TrainingBar, clips_of, pack_with_bar
    from gridkit.compute.lock import folder_lock
    from gridkit.prepare.from_hub import local_corpus
    from gridkit.train.run import Limits, asked_run, summary, train_recipe

    if (data is None) == (packed is None):
        raise click.UsageError("give --data DIR or --packed FILE")
    limits = Limits(device, threads, minutes, checkpoint_part)
    recipe, settings = asked_run(recipe_folder, split, overrides, out)
    with folder_lock(out):
        corpus = None if data is None else local_corpus(data)
        clips = clips_of(recipe, corpus, packed, out)
        if export_cache is not None:
            click.echo(pack_with_bar(clips, export_cache, recipe))
            return
        with TrainingBar(settings[0].steps) as report:
            outcome = train_recipe(recipe, clips, out, settings, limits, report)
    click.echo(summary(outcome, settings, out))

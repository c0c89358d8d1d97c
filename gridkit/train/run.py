"""One entry from clips to a recipe folder, for `gridkit train` and for a machine that has torch,
numpy and safetensors alone: there `python -m gridkit.train.run` trains from a packed cache.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gridkit.compute.device import cuda_index
from gridkit.compute.lock import folder_lock
from gridkit.errors import GridkitError, UsageError
from gridkit.recipe import Recipe, load_recipe
from gridkit.recipe.model_kinds import kind_of
from gridkit.recipe.schema import WEIGHTS_FILE
from gridkit.recipe.shelf import RECIPE_FILE, find_shipped
from gridkit.train.checkpoint import INDEX_FILE
from gridkit.train.clips import TrainingClips
from gridkit.train.export import RunExport
from gridkit.train.log import LOG_FILE, TrainingLog
from gridkit.train.loop import Outcome, Progress, train
from gridkit.train.pack import packed_clips
from gridkit.train.progress import describe_figures, plain_lines
from gridkit.train.settings import RunSettings, training_settings


@dataclass(frozen=True)
class Limits:
    """What bounds a run from outside.

    Raises:
        UsageError: a limit that is not above 0.
        EnvironmentProblem: there is no such device.
    """

    device: str = "cpu"
    threads: int | None = None
    """Of a CPU; None for torch's own choice."""
    minutes: float | None = None
    checkpoint_part_mib: float | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("--threads", self.threads),
            ("--minutes", self.minutes),
            ("--checkpoint-part", self.checkpoint_part_mib),
        ):
            if value is not None and not value > 0:
                raise UsageError(f"{name} {value}: give a number above 0")
        cuda_index(self.device)  # at once, not when the clips are decoded

    @property
    def checkpoint_part_bytes(self) -> int | None:
        """The largest file of a checkpoint; at least one byte."""
        mib = self.checkpoint_part_mib
        return None if mib is None else max(1, int(mib * 2**20))


def asked_run(
    folder: Path, split: str | None, overrides: Iterable[str], out: Path
) -> tuple[Recipe, RunSettings]:
    """Return the recipe that a command names, and its settings, before anything is written.

    Args:
        folder: of the recipe, or `recipes/NAME` for a shipped one.
        split: another split than the recipe's; None for its own.
        overrides: see `training_settings`.
        out: folder of the run.

    Raises:
        UsageError, RecipeError: see `training_settings`; `out` would be overwritten.
    """
    recipe = load_recipe(find_shipped(folder))
    if split is not None:
        recipe = replace(recipe, split=split)
    settings = training_settings(recipe, overrides)
    _refuse_to_overwrite(out)
    return recipe, settings


def _refuse_to_overwrite(out: Path) -> None:
    """Check that a folder is no recipe, unless an earlier piece of a run made it one."""
    is_run = (out / LOG_FILE).exists() or (out / INDEX_FILE).exists()
    if (out / RECIPE_FILE).exists() and not is_run:
        raise UsageError(
            f"--out {out} is a recipe, and no run: training would overwrite it; "
            "choose another folder"
        )


def train_recipe(
    recipe: Recipe,
    clips: TrainingClips,
    out: Path,
    settings: RunSettings,
    limits: Limits,
    report: Callable[[Progress], None],
) -> Outcome:
    """Train a recipe's model, or resume; log as it goes, and keep `out` a recipe folder.

    Args:
        recipe: what is trained.
        clips: to train and validate on.
        out: folder of the run.
        settings: how; see `training_settings`.
        limits: device, threads, time.
        report: called after every step.

    Raises:
        TrainingError, CheckpointError: see `gridkit.train.loop.train`.
        RecipeError, DiskFullError, EnvironmentProblem: see `gridkit.train.export.RunExport`.
    """
    if limits.threads is not None:
        torch.set_num_threads(limits.threads)
    training, augmentation = settings
    export = RunExport(recipe, training, augmentation, clips.ids("train"), out)
    learner = kind_of(recipe.model).learner(recipe, clips, training, augmentation, limits.device)
    with TrainingLog(out) as log:

        def log_and_report(progress: Progress) -> None:
            log.write(progress)
            report(progress)

        outcome = train(
            learner,
            out,
            training,
            minutes=limits.minutes,
            checkpoint_part_bytes=limits.checkpoint_part_bytes,
            report=log_and_report,
            kept=lambda now: export.keep(now.weights),
        )
    export.finish(outcome.weights)
    return outcome


def summary(outcome: Outcome, settings: RunSettings, out: Path) -> str:
    """Return one line about a run that has ended."""
    figures = describe_figures(outcome.figures) if outcome.figures else "not validated"
    size_mb = (out / WEIGHTS_FILE).stat().st_size / 1e6
    return (
        f"{out}: step {outcome.step} of {settings[0].steps} ({outcome.reason}), "
        f"val {figures}, weights {size_mb:.1f} MB"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train from a packed cache; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gridkit.train.run", description=__doc__)
    parser.add_argument("recipe", type=Path, help="folder of the recipe")
    parser.add_argument("--packed", type=Path, required=True, help="made by --export-cache")
    parser.add_argument("--split", help="another split than the recipe's, as it was packed for")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="CPU threads; all cores if not given")
    parser.add_argument("--minutes", type=float, help="stop after so long, with a checkpoint")
    parser.add_argument("--checkpoint-part", type=float, help="largest file, MiB")
    parser.add_argument("--set", action="append", default=[], help="as training.steps=500")
    given = parser.parse_args(arguments)
    try:
        limits = Limits(given.device, given.threads, given.minutes, given.checkpoint_part)
        recipe, settings = asked_run(given.recipe, given.split, given.set, given.out)
        with folder_lock(given.out):
            clips = packed_clips(given.packed, given.out, recipe)
            outcome = train_recipe(recipe, clips, given.out, settings, limits, plain_lines())
    except GridkitError as error:
        print(f"gridkit: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("gridkit: interrupted; run it again to resume", file=sys.stderr)
        return 130
    print(summary(outcome, settings, given.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One call from clips to a recipe folder; and `python -m gridkit.train.run`, which trains from a
packed cache on a machine that has torch and numpy alone.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gridkit.compute.device import cuda_index
from gridkit.compute.lock import folder_lock
from gridkit.errors import GridkitError, UsageError
from gridkit.recipe import Recipe, load_recipe
from gridkit.recipe.shelf import find_shipped
from gridkit.train.clips import TrainingClips, check, open_clips
from gridkit.train.log import TrainingLog
from gridkit.train.loop import Outcome, Progress, train
from gridkit.train.pack import check_pack, packed_source, unpack_clips
from gridkit.train.settings import training_settings

CACHE_FOLDER = "cache"
LINE_INTERVAL_S = 10.0


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
            if value is not None and value <= 0:
                raise UsageError(f"{name} {value}: give a number above 0")
        cuda_index(self.device)  # at once, not when the clips are decoded

    @property
    def checkpoint_part_bytes(self) -> int | None:
        """The largest file of a checkpoint; at least one byte."""
        mib = self.checkpoint_part_mib
        return None if mib is None else max(1, int(mib * 2**20))


def run_training(
    recipe: Recipe,
    clips: TrainingClips,
    out: Path,
    overrides: Sequence[str],
    limits: Limits,
    report: Callable[[Progress], None],
    kept: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Train a recipe, or go on with it, and log as it goes.

    `report` and `kept` are called as by `gridkit.train.loop.train`.

    Raises:
        TrainingError, CheckpointError, RecipeError, UsageError: see `gridkit.train.loop.train`
            and `gridkit.train.settings.training_settings`.
    """
    if limits.threads is not None:
        torch.set_num_threads(limits.threads)
    training, augmentation = training_settings(recipe, overrides)
    with TrainingLog(out) as log:

        def both(progress: Progress) -> None:
            log.write(progress)
            report(progress)

        return train(
            recipe.model,
            clips,
            out,
            training,
            augmentation,
            look=recipe.input,
            device=limits.device,
            minutes=limits.minutes,
            checkpoint_part_bytes=limits.checkpoint_part_bytes,
            report=both,
            kept=kept,
        )


def packed_clips(path: Path, out: Path, recipe: Recipe) -> TrainingClips:
    """Return the clips of a packed cache, unpacked into the run's folder where not yet there.

    Raises:
        TrainingError: the file is damaged, was packed for another split or input than the
            recipe's, or has no clip to train or validate on.
    """
    check_pack(path, recipe)
    cache = out / CACHE_FOLDER
    opened = open_clips(cache)
    if opened is None or opened[1] != packed_source(path):
        unpack_clips(path, cache)
        opened = open_clips(cache)
    assert opened is not None
    return check(opened[0], str(path))


def describe(progress: Progress) -> str:
    """Return one line about a run.

    >>> describe(Progress(100, 4000, 1.234, 2e-3, 31.4, 1980.0, 0.25, 0.22, True))
    'step 100/4000, loss 1.234, val WER 25.0 % (best 22.0), 31.4 clips/s, 33 min left'
    """
    val = ""
    if progress.val_wer is not None and progress.best_wer is not None:
        val = f", val WER {100 * progress.val_wer:.1f} % (best {100 * progress.best_wer:.1f})"
    return (
        f"step {progress.step}/{progress.steps}, loss {progress.loss:.3f}{val}, "
        f"{progress.clips_per_second:.1f} clips/s, {progress.left_s / 60:.0f} min left"
    )


def plain_lines() -> Callable[[Progress], None]:
    """Return a report that prints a line on stderr now and then, and at each validation."""
    printed_s = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal printed_s
        if progress.validated or time.monotonic() - printed_s >= LINE_INTERVAL_S:
            printed_s = time.monotonic()
            print(describe(progress), file=sys.stderr, flush=True)

    return report


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
        with folder_lock(given.out):
            recipe = load_recipe(find_shipped(given.recipe))
            if given.split is not None:
                recipe = replace(recipe, split=given.split)
            clips = packed_clips(given.packed, given.out, recipe)
            outcome = run_training(recipe, clips, given.out, given.set, limits, plain_lines())
    except GridkitError as error:
        print(f"gridkit: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("gridkit: interrupted; run it again to go on", file=sys.stderr)
        return 130
    print(f"stopped at step {outcome.step}: {outcome.reason}; val WER {outcome.val_wer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

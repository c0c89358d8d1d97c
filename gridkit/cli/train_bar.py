"""What `gridkit train` shows while it works: decoding, then losses, figures, rate and time left."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from gridkit.compute.progress import Progress as CountProgress
from gridkit.recipe import Recipe
from gridkit.train import loop
from gridkit.train.clips import CACHE_FOLDER, TrainingClips
from gridkit.train.corpus import cached_clips
from gridkit.train.pack import pack_clips, packed_clips
from gridkit.train.progress import describe, plain_lines


def clips_of(recipe: Recipe, data: Path | None, packed: Path | None, out: Path) -> TrainingClips:
    """Return the clips to train on, from a corpus or a packed cache, decoded into `out`."""
    if packed is not None:
        return packed_clips(packed, out, recipe)
    assert data is not None
    with ExitStack() as stack:
        bar: CountProgress | None = None

        def advance(_done: int, total: int) -> None:
            nonlocal bar
            if bar is None:  # not at all where the clips are decoded already
                bar = stack.enter_context(CountProgress("decode", total))
            bar.advance()

        return cached_clips(recipe, data, out / CACHE_FOLDER, advance)


def pack_with_bar(clips: TrainingClips, path: Path, recipe: Recipe) -> str:
    """Pack clips into a file, and return one line about it."""
    with CountProgress("pack", total=len(clips.labels)) as bar:
        pack_clips(clips, path, recipe, lambda _done, _total: bar.advance())
    size = path.stat().st_size
    return (
        f"{path}: {len(clips.labels)} clips, {size / 1e6:.1f} MB, "
        f"{size / len(clips.labels) / 1e3:.0f} KB each"
    )


class TrainingBar:
    """A bar on a terminal, a line now and then elsewhere; called with each step's progress."""

    def __init__(self, steps: int):
        self._steps = steps
        self._bar: Progress | None = None
        self._lines = plain_lines()

    def __enter__(self) -> Self:
        console = Console(stderr=True)
        if console.is_terminal:
            self._bar = Progress(BarColumn(), TextColumn("{task.description}"), console=console)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._steps)
        return self

    def __call__(self, progress: loop.Progress) -> None:
        """Show where the run stands."""
        if self._bar is None:
            self._lines(progress)
        else:
            self._bar.update(self._task, completed=progress.step, description=describe(progress))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

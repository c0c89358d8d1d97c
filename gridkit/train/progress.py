"""One line about a run in training, for a person."""

import sys
import time
from collections.abc import Callable, Mapping

from gridkit.train.loop import Progress

LINE_INTERVAL_S = 10.0


def describe(progress: Progress) -> str:
    """Return one line about a run.

    >>> describe(Progress(
    ...     step=100, steps=4000, losses={"ctc": 1.234}, learning_rate=2e-3,
    ...     clips_per_second=31.4, left_s=1980.0, figures={"wer": 0.25}, best={"wer": 0.22},
    ...     validated=True))
    'step 100/4000, ctc 1.234, val wer 0.250 (best wer 0.220), 31.4 clips/s, 33 min left'
    """
    parts = [f"step {progress.step}/{progress.steps}"]
    parts += [f"{name} {value:.3f}" for name, value in progress.losses.items()]
    if progress.figures:
        parts.append(f"val {describe_figures(progress.figures)}")
        parts[-1] += f" (best {describe_figures(progress.best)})"
    parts.append(f"{progress.clips_per_second:.1f} clips/s")
    parts.append(f"{progress.left_s / 60:.0f} min left")
    return ", ".join(parts)


def describe_figures(figures: Mapping[str, float]) -> str:
    """Return figures with their names.

    >>> describe_figures({"estoi": 0.41234, "wer": 0.1})
    'estoi 0.412, wer 0.100'
    """
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def plain_lines() -> Callable[[Progress], None]:
    """Return a report that prints a line on stderr now and then, and at each validation."""
    printed_s = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal printed_s
        if progress.validated or time.monotonic() - printed_s >= LINE_INTERVAL_S:
            printed_s = time.monotonic()
            print(describe(progress), file=sys.stderr, flush=True)

    return report

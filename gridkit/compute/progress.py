"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

PLAIN_INTERVAL_S = 10.0


class RateColumn(ProgressColumn):
    """Shows units per second."""

    def __init__(self, unit: str):
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Return the rate as text, empty while it is unknown."""
        if not task.speed:
            return Text("")
        return Text(f"{task.speed:.1f} {self._unit}/s", style="progress.data.speed")


class Progress:
    """One bar on stderr, as a context manager; `advance` may be called from one thread."""

    def __init__(self, label: str, total: int, unit: str = "clips", done: int = 0):
        self._label, self._total, self._unit = label, total, unit
        self._done = self._already = done
        self._start_s = self._printed_s = time.monotonic()
        self._bar: RichProgress | None = None

    def __enter__(self) -> Self:
        console = Console(stderr=True)
        # a notebook's FORCE_COLOR makes any stream a terminal for rich
        if console.is_terminal and sys.stderr.isatty():
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                RateColumn(self._unit),
                TimeRemainingColumn(),
                console=console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self._total, completed=self._done)
        return self

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more units as done."""
        self._done += steps
        if self._bar is not None:
            self._bar.advance(self._task, steps)
        elif time.monotonic() - self._printed_s >= PLAIN_INTERVAL_S:
            self._print_line()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif kind is None and self._total:
            self._print_line()

    def _print_line(self) -> None:
        self._printed_s = time.monotonic()
        elapsed_s = self._printed_s - self._start_s
        rate = (self._done - self._already) / elapsed_s if elapsed_s else 0.0
        left = f", {(self._total - self._done) / rate:.0f} s left" if rate else ""
        print(
            f"{self._label}: {self._done}/{self._total} {self._unit}, "
            f"{rate:.1f} {self._unit}/s{left}",
            file=sys.stderr,
            flush=True,
        )

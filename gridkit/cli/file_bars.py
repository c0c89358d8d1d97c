"""Progress of files that come in at once: one bar per file on a terminal, plain lines elsewhere."""

import sys
import time
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from gridkit.compute.progress import PLAIN_INTERVAL_S


class FileBars:
    """Shows transfers on stderr; a context manager and a `TransferProgress`."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lines: dict[str, _PlainLine] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def on_start(self, name: str, total_bytes: int | None, already_bytes: int) -> None:
        """Show a file, or restart its bar."""
        with self._lock:
            if not self._console.is_terminal:
                self._lines[name] = _PlainLine(name, total_bytes, already_bytes)
            elif name in self._tasks:
                self._bars.reset(self._tasks[name], total=total_bytes, completed=already_bytes)
            else:
                self._tasks[name] = self._bars.add_task(
                    name, total=total_bytes, completed=already_bytes
                )

    def on_bytes(self, name: str, count: int) -> None:
        """Move a file's bar."""
        if self._console.is_terminal:
            self._bars.advance(self._tasks[name], count)
        else:
            self._lines[name].advance(count)

    def on_wait(self, url: str, reason: str, wait_s: float) -> None:
        """Say what failed, and when it is tried again."""
        line = f"{url}: {reason}; trying again in {max(1, round(wait_s))} s"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def on_done(self, name: str) -> None:
        """Say that a file is whole and checked."""
        if self._console.is_terminal:
            task = self._bars.tasks[self._tasks[name]]
            self._bars.update(task.id, description=f"{name} checked", total=task.completed)
        else:
            self._lines[name].show("whole and checked")


class _PlainLine:
    """A line about one file from time to time."""

    def __init__(self, name: str, total_bytes: int | None, already_bytes: int):
        self._name, self._total_bytes = name, total_bytes
        self._already_bytes = self._have_bytes = already_bytes
        self._start_s = self._shown_s = time.monotonic()

    def advance(self, count: int) -> None:
        self._have_bytes += count
        now_s = time.monotonic()
        if now_s - self._shown_s < PLAIN_INTERVAL_S:
            return
        self._shown_s = now_s
        rate = max(1.0, (self._have_bytes - self._already_bytes) / (now_s - self._start_s))
        text = f"{rate / 1e6:.1f} MB/s"
        if self._total_bytes is not None:
            text += f", {(self._total_bytes - self._have_bytes) / rate:.0f} s left"
        self.show(text)

    def show(self, text: str) -> None:
        of_total = "" if self._total_bytes is None else f"/{self._total_bytes / 1e6:.1f}"
        line = f"{self._name}: {self._have_bytes / 1e6:.1f}{of_total} MB, {text}"
        print(line, file=sys.stderr, flush=True)

"""One call in a process of its own, with little memory and time: for files of strangers.

The process is forked from one that has imported a module. So it has what that module loads, such
as models, at once and in shared memory; and it may crash, hang or fill its memory: nothing else
ends with it. What it says is JSON, which is as little to be trusted as what it works on.
"""

import json
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from gridkit.compute.local import process_context, starting_processes

Message = dict[str, Any]
Say = Callable[[Message], None]

LARGEST_MESSAGE_BYTES = 4 << 20
END_S = 2.0
"""A process that says nothing more has so long to end by itself."""


@dataclass(frozen=True)
class Limits:
    """What the process may take, beyond what it has when it starts."""

    memory_bytes: int
    processor_s: int
    file_bytes: int
    """Size of the largest file that it may write."""


class LimitedCall:
    """A function that runs in a process of its own; see the module.

    Args:
        function: `module:name`; it is given the arguments, and what sends a message. It is not
            imported in this process.
        arguments: can be pickled.
        limits: of the process.
        preload: the module that is imported once. The first one that is named in this process
            stays.
    """

    def __init__(
        self,
        function: str,
        arguments: tuple[Any, ...],
        limits: Limits,
        preload: str,
    ):
        context = process_context(preload)
        self._messages, self._says = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(function, arguments, limits, self._says), daemon=True
        )
        self._at_end = False
        self._status: int | None = None

    def start(self) -> None:
        """Start it; the first one of all waits until the module is imported."""
        with starting_processes():
            self._process.start()
        self._says.close()

    def fileno(self) -> int:
        """Return the file descriptor that can be read when there is a message, or the end."""
        return self._messages.fileno()

    def has_more(self) -> bool:
        """Return whether there is a message, or the end: `receive` waits for one otherwise."""
        return self._messages.poll()

    def receive(self) -> Message | None:
        """Return the next message; None once the process has ended, or sends what is none."""
        try:
            message = json.loads(self._messages.recv_bytes(LARGEST_MESSAGE_BYTES))
        except (EOFError, OSError, ValueError):
            message = None
        self._at_end = not isinstance(message, dict)
        return None if self._at_end else message

    def end(self) -> int:
        """Kill it where it still runs, and return its exit status; negative: the signal.

        A process that has said its last word has a moment to end by itself. It may be called twice.
        """
        if self._status is None and self._process.pid is not None:
            self._process.join(END_S if self._at_end else 0)
            self._process.kill()
            self._process.join()
            self._status = self._process.exitcode
            self._messages.close()
        return self._status or 0


def _run(function: str, arguments: tuple[Any, ...], limits: Limits, says: Connection) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # whoever started it ends it
    _limit(limits)

    def say(message: Message) -> None:
        says.send_bytes(json.dumps(message).encode())

    resolve_name(function)(*arguments, say)


def _limit(limits: Limits) -> None:
    processor_s = round(sum(os.times()[:2])) + limits.processor_s
    resource.setrlimit(resource.RLIMIT_CPU, (processor_s, processor_s + 1))  # the signal says why
    most = {
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    statm = Path("/proc/self/statm")
    if statm.is_file():
        pages = int(statm.read_text().split()[0])
        most[resource.RLIMIT_AS] = pages * resource.getpagesize() + limits.memory_bytes
    for kind, value in most.items():
        resource.setrlimit(kind, (value, value))

"""A process that makes the items of an iterator ahead of whoever takes them.

It loads what it needs while this process loads something else, and works on the next item while
this one is busy with the last. A crash there, of a decoder for example, is an error here.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pkgutil import resolve_name
from typing import Any, Self

from gridkit.compute.local import die_with_parent, portable, process_context, starting_processes
from gridkit.errors import EnvironmentProblem

ITEM, END, RAISED = "item", "end", "raised"


class Producer:
    """The process; a context manager that ends it. Started at once.

    Args:
        preload: `module:function`, imported and called in the process before there is work.
    """

    def __init__(self, preload: str):
        context = process_context(None)
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_produce, args=(theirs, preload), daemon=True)
        with starting_processes():
            self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    def call(self, function: str, *args: Any) -> Iterator[Any]:
        """Yield what `function(*args)` yields there, as far ahead as a pipe holds items.

        Args:
            function: `module:name`; one call at a time, each to its end.
            args: of the function; picklable, as its items and what it raises are.

        Raises:
            EnvironmentProblem: the process died.
        """
        try:
            self._connection.send((function, args))
            while (message := self._connection.recv())[0] == ITEM:
                yield message[1]
        except (EOFError, OSError) as error:
            self._process.join()
            raise EnvironmentProblem(
                f"the process that works on {args[0] if args else function} died "
                f"({_end_of(self._process.exitcode)}); try again, and if it dies again, convert "
                "the file"
            ) from error
        if message[0] == RAISED:
            raise message[1]


def _end_of(status: int | None) -> str:
    if status is None or status >= 0:
        return f"status {status}"
    return signal.Signals(-status).name


def _produce(connection: Connection, preload: str) -> None:
    threading.Thread(target=die_with_parent, daemon=True).start()
    resolve_name(preload)()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        while True:
            function, args = connection.recv()
            try:
                for item in resolve_name(function)(*args):
                    connection.send((ITEM, item))
                reply: tuple[str, Exception | None] = END, None
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                reply = RAISED, portable(error)
            connection.send_bytes(ForkingPickler.dumps(reply))

"""One item done on another machine: with one thread, and with errors that name the machine."""

import os
import socket
import sys
from typing import Any

from gridkit.compute.executor import CountSteps, Work
from gridkit.compute.import_path import NO_CURRENT_FOLDER
from gridkit.compute.local import LARGE_PAGES, ONE_THREAD
from gridkit.errors import EnvironmentProblem

WORKER_VARIABLES = ONE_THREAD | LARGE_PAGES | NO_CURRENT_FOLDER
"""Variables of a worker process, from its start."""


def attempt(work: Work[Any, Any], item: Any, count_steps: CountSteps) -> Any:
    """Return what `work` makes of an item here.

    Raises:
        EnvironmentProblem: as `work` raised it; the message names this machine.
        Exception: as `work` raised it.
    """
    pin_threads()
    try:
        return work(item, count_steps)
    except EnvironmentProblem as error:
        node = socket.gethostname()
        if node in str(error):
            raise
        raise type(error)(f"{node}: {error}") from error


def not_seen(what: object, shared: str = "folder") -> EnvironmentProblem:
    """Return that this machine, which is named, does not see what all machines work on.

    Args:
        what: the file, or what is in it.
        shared: what has to be shared, so that it does.
    """
    return EnvironmentProblem(
        f"{socket.gethostname()} does not see {what}; the {shared} has to be shared, under the "
        "same path, by all machines"
    )


def pin_threads() -> None:
    """Compute with one thread, whatever ran in this process before.

    Sums of several threads round in another way, so figures would depend on them. Workers of a
    cluster are kept and used again, and a library reads the variables once, when it is loaded.
    """
    os.environ.update(ONE_THREAD)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)

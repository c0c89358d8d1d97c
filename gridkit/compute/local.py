"""Run a function over many items in local processes, results in order, crashes contained.

A worker that dies (a decoder that segfaults, a killed process) ends neither the run nor the
other items: the items that were under way are run again one at a time, each in a process of
its own, and the one that dies again comes back as `Crashed`.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD_PER_WORKER = 4
"""Items in flight a worker: enough to keep it busy, few enough to bound the memory."""

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


@dataclass(frozen=True)
class Crashed:
    """What comes back for an item that killed its worker twice."""

    detail: str


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    initialize: Callable[[], None] | None = None,
) -> Generator[Result | Crashed, None, None]:
    """Yield `function(item)` for each item, in the order of the items.

    Args:
        function: picklable; an exception it raises ends the run.
        items: taken as workers get free, never all at once.
        workers: processes; every one computes with one thread.
        initialize: called once in each worker before its first item.
    """
    waiting = iter(items)
    in_flight: deque[Item] = deque()
    while True:
        futures: deque[Future[Result]] = deque()
        pool = _pool(workers, initialize)
        try:
            while True:
                for item in islice(waiting, workers * AHEAD_PER_WORKER - len(in_flight)):
                    in_flight.append(item)
                    futures.append(pool.submit(function, item))
                if not in_flight:
                    return
                result = futures[0].result()
                futures.popleft()
                in_flight.popleft()
                yield result
        except BrokenProcessPool:
            pass
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        while in_flight:
            yield _alone(function, in_flight.popleft(), initialize)


def _alone(
    function: Callable[[Item], Result], item: Item, initialize: Callable[[], None] | None
) -> Result | Crashed:
    with _pool(1, initialize) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenProcessPool:
            return Crashed("the process that worked on it died, twice")


def _pool(workers: int, initialize: Callable[[], None] | None) -> ProcessPoolExecutor:
    # spawned, not forked: threads of the parent (progress bars, pyarrow) do not survive a fork.
    # One thread each: the processes are the parallelism.
    for name in _THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(initialize,),
    )


def _start_worker(initialize: Callable[[], None] | None) -> None:
    # Ctrl-C reaches the whole process group; the parent alone decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if initialize is not None:
        initialize()


def _die_with_parent() -> None:
    """Leave when the parent is gone: a killed run must not leave workers behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

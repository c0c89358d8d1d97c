"""Run a function over many items in local processes, results in order, crashes contained.

A worker may die (a decoder that segfaults, a killed process). Neither the run nor the other items
end with it: the items that were in flight run again one at a time, each in a process of its own,
and the one that dies again comes back as `Crashed`.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Self, TypeVar

from gridkit.compute.import_path import (
    NO_CURRENT_FOLDER,
    children_import_elsewhere,
    python_path,
)
from gridkit.errors import EnvironmentProblem

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD_PER_WORKER = 4
"""Items in flight per worker: enough to keep it busy, few enough to bound the memory."""

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
)
_LARGE_PAGES = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824"
    ":glibc.malloc.trim_threshold=4294967296:glibc.malloc.top_pad=67108864"
}
"""dlib reads a 100 MB model at random and decoders fill the same megabytes again for each clip:
large pages that are kept make a clip 15 % quicker. Ignored where the C library is another."""


@dataclass(frozen=True)
class Crashed:
    """What comes back for an item that killed its worker twice."""

    detail: str


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(own_cores()) or os.cpu_count() or 1


def own_cores() -> set[int]:
    """Return the cores that this process may run on; empty where the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def map_ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    preload: str | None = None,
) -> Generator[Result | Crashed, None, None]:
    """Yield `function(item)` for each item, in the order of the items.

    Args:
        function: picklable; an exception it raises ends the run.
        items: taken as workers get free, never all at once.
        workers: processes; every one computes with one thread.
        preload: see `Workers`.
    """
    with Workers(workers, preload=preload) as processes:
        yield from processes.map_ordered(function, items)


class Workers:
    """Processes that several calls of `map_ordered` share; a context manager that ends them.

    They are started when the first item comes, and again after one has died.

    Args:
        count: processes; every one computes with one thread.
        preload: a module that is imported once, by a process that the workers are forked from,
            so that they start at once and share what it loads. The first one named in a process
            stays: workers that name another import it themselves.
    """

    def __init__(self, count: int, *, preload: str | None = None):
        self.count, self._preload = count, preload
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes, once they have done what is under way."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def map_ordered(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Generator[Result | Crashed, None, None]:
        """Yield `function(item)` for each item, in the order of the items; see `map_ordered`."""
        waiting = iter(items)
        in_flight: deque[Item] = deque()
        while True:
            futures: deque[Future[Result]] = deque()
            try:
                while True:
                    for item in islice(waiting, self.count * AHEAD_PER_WORKER - len(in_flight)):
                        in_flight.append(item)
                        futures.append(self._submit(function, item))
                    if not in_flight:
                        return
                    result = futures[0].result()
                    futures.popleft()
                    in_flight.popleft()
                    yield result
            except BrokenProcessPool:
                self.stop()
            finally:
                if futures:  # the caller has seen enough, or an item has failed
                    self.stop()
            while in_flight:
                yield _alone(function, in_flight.popleft(), self._preload)

    def _submit(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        if self._pool is None:
            self._pool = _pool(self.count, self._preload)
        return _submit(self._pool, function, item)


def _alone(function: Callable[[Item], Result], item: Item, preload: str | None) -> Result | Crashed:
    with _pool(1, preload) as pool:
        try:
            return _submit(pool, function, item).result()
        except BrokenProcessPool:
            pass
    _check_start(preload)
    return Crashed("the process that worked on it died, twice")


def _check_start(preload: str | None) -> None:
    """Tell an item that kills its process from processes that cannot start at all."""
    with _pool(1, preload) as pool:
        try:
            _submit(pool, _no_work, None).result()
        except BrokenProcessPool as error:
            raise EnvironmentProblem(
                "worker processes cannot be started (see above); a script that calls gridkit "
                'must be a file and do so under `if __name__ == "__main__":`'
            ) from error


def _pool(workers: int, preload: str | None) -> ProcessPoolExecutor:
    # Never forked from here: threads of this process (progress bars, pyarrow) do not survive it.
    context = multiprocessing.get_context("forkserver" if preload else "spawn")
    if preload:
        context.set_forkserver_preload([preload])
    with _environment():  # a queue starts a process too, which cleans up after the others
        return ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start_worker, initargs=(own_cores(),)
        )


def _submit(
    pool: ProcessPoolExecutor, function: Callable[[Item], Result], item: Item
) -> Future[Result]:
    with starting_processes():  # this is what starts them
        return pool.submit(function, item)


@contextmanager
def starting_processes() -> Iterator[None]:
    """Have processes that are started in the block compute with one thread each.

    The processes are the parallelism. They do not import from the current folder, and Ctrl-C does
    not reach them: who started them ends them.
    """
    with _environment(), children_import_elsewhere(), _interrupts_later():
        yield


@contextmanager
def _environment() -> Iterator[None]:
    """Give processes that are started in the block their variables; counts that are set stay.

    Not for good: what else this process starts, or a caller's own torch, may want its threads.
    """
    before = dict(os.environ)
    added = _ONE_THREAD | _LARGE_PAGES | before | NO_CURRENT_FOLDER
    if "PYTHONPATH" in before:
        added["PYTHONPATH"] = os.pathsep.join(python_path())
    changed = {name: value for name, value in added.items() if before.get(name) != value}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name in changed:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, and from processes that it starts for good.

    Ctrl-C reaches the whole process group, and the parent alone decides what it means. A blocked
    signal stays blocked in what a process starts, from its first moment. Here the signal may
    still come by another thread; so it is noted, as a process that is half started when the
    parent leaves would fail loudly.
    """
    noted: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda *_: noted.append(1)) if in_main else None
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if in_main:
            signal.signal(signal.SIGINT, handler)
    if noted and callable(handler):
        handler(signal.SIGINT, None)


def _no_work(_item: None) -> None:
    """Succeed in any process that can start."""


def _start_worker(cores: set[int]) -> None:
    if cores:
        # what it was forked from may have been started elsewhere
        os.sched_setaffinity(0, cores)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """Leave when the parent is gone: a killed run must not leave workers behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

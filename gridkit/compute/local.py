"""Run a function over many items in processes of this machine, crashes contained.

A worker may die (a decoder that segfaults, a killed process). Neither the run nor the other items
end with it: what it worked on is done once more, in another process, and comes back as `Crashed`
where that dies, too.

Each process has a thread here that hands it one item after the other. So workers stay busy while
whoever takes the results does something else.
"""

import atexit
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from typing import Any, Self

from gridkit.compute.executor import (
    CountSteps,
    Crashed,
    Item,
    Result,
    Retry,
    Work,
    count_nothing,
    retry_once,
)
from gridkit.compute.import_path import (
    NO_CURRENT_FOLDER,
    children_import_elsewhere,
    python_path,
)
from gridkit.errors import EnvironmentProblem

AHEAD_PER_WORKER = 4
"""Items taken per worker: enough to keep it busy, few enough to bound the memory."""
DIED_TWICE = "the process that worked on it died, twice"

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
)
"""Variables with which a process computes with one thread: processes are the parallelism."""
LARGE_PAGES = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824"
    ":glibc.malloc.trim_threshold=4294967296:glibc.malloc.top_pad=67108864"
}
"""dlib reads a 100 MB model at random and decoders fill the same megabytes again for each clip:
large pages that are kept make a clip 15 % quicker. Ignored where the C library is another."""


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


def load_early(preload: str) -> None:
    """Start what `Workers` with this module are forked from: it loads while the caller plans.

    Without effect where it runs already, with this module or another.
    """
    with starting_processes():
        process_context(preload)
        forkserver.ensure_running()


class Workers:
    """Processes of this machine: an `Executor`, and a context manager that ends them.

    Several runs, one after the other, share them. They are started when the first items come, and
    again after one has died.

    Args:
        count: processes; every one computes with one thread.
        preload: a module that is imported once, by a process that the workers are forked from,
            so that they start at once and share what it loads. The first one named in a process
            stays: workers that name another import it themselves.
    """

    is_local = True

    def __init__(self, count: int, *, preload: str | None = None):
        self.count, self._preload = count, preload
        self._live: list[_Process] = []
        self._waiting: SimpleQueue[_Task | None] = SimpleQueue()
        self._events: SimpleQueue[_Event] = SimpleQueue()

    @property
    def workers(self) -> int:
        """How many items are under way at a time."""
        return self.count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes; nothing is under way."""
        for _ in self._live:
            self._waiting.put(None)
        for process in self._live:
            process.join()
        self._forget()

    def kill(self) -> None:
        """End the processes at once, whatever they do."""
        for process in self._live:
            process.kill()
        self._forget()

    def map_ordered(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Generator[Result | Crashed, None, None]:
        """Yield `function(item)` for each item, in the order of the items; see `map_ordered`."""
        early: dict[int, Result | Crashed] = {}
        number = 0
        runs = self._run(
            partial(_without_steps, function), items, count_nothing, retry_once, lambda: len(early)
        )
        with closing(runs):
            for task, result in runs:
                early[task.number] = result
                while number in early:
                    yield early.pop(number)
                    number += 1

    def run(
        self,
        work: Work[Item, Result],
        items: Iterable[Item],
        count_steps: CountSteps = count_nothing,
        retry: Retry[Item] = retry_once,
    ) -> Generator[tuple[Item, Result | Crashed], None, None]:
        """Yield each item with its result, as they come; see `Executor.run`."""
        with closing(self._run(work, items, count_steps, retry)) as runs:
            for task, result in runs:
                yield task.item, result

    def _run(
        self,
        work: Callable[[Any, CountSteps], Any],
        items: Iterable[Any],
        count_steps: CountSteps,
        retry: Callable[[Any, int], Any],
        held: Callable[[], int] = lambda: 0,
    ) -> "Generator[tuple[_Task, Any], None, None]":
        """Yield tasks with their results, as they come; `held` says how many the caller keeps."""
        coming = enumerate(items)
        in_flight = 0
        try:
            while True:
                room = max(0, self.count * AHEAD_PER_WORKER - in_flight - held())
                for number, item in islice(coming, room):
                    in_flight += 1
                    self._waiting.put(_Task(number, work, item))
                if not in_flight:
                    return
                self._staff(min(self.count, in_flight))
                event = self._events.get()
                task = event.task
                if event.kind == STEPS:
                    task.steps += event.value
                    count_steps(event.value)
                    continue
                if event.kind == RAISED:
                    raise event.value
                result = event.value
                if event.kind == DIED:
                    self._bury(event.process)
                    count_steps(-task.steps)
                    again = retry(task.item, task.losses + 1)
                    if again is not None:
                        self._waiting.put(_Task(task.number, work, again, task.losses + 1))
                        continue
                    result = Crashed(event.value)
                in_flight -= 1
                yield task, result
        finally:
            if in_flight:  # the caller has seen enough, or an item has failed
                self.kill()

    def _staff(self, count: int) -> None:
        """Start processes until there are so many."""
        while len(self._live) < count:
            if not self._live:
                atexit.register(self.kill)  # Python itself would wait for them at its end
            process = _Process(self._preload, self._waiting, self._events)
            self._live.append(process)
            process.start()

    def _bury(self, process: "_Process") -> None:
        self._live.remove(process)
        process.join()

    def _forget(self) -> None:
        atexit.unregister(self.kill)
        self._live = []
        self._waiting, self._events = SimpleQueue(), SimpleQueue()


STARTED, STEPS, DONE, RAISED, DIED = "started", "steps", "done", "raised", "died"
"""What a worker, or its end, says."""
NO_MORE = b"no more"
"""What it is sent in the place of a task."""


@dataclass
class _Task:
    """An item on its way through the workers."""

    number: int
    work: Callable[[Any, CountSteps], Any]
    item: Any
    losses: int = 0
    """How often its worker died."""
    steps: int = 0
    """Counted in this attempt."""


@dataclass(frozen=True)
class _Event:
    """What became of a task, or how far it is."""

    kind: str
    process: "_Process"
    task: _Task
    value: Any = None


class _Process:
    """A process of its own, and the thread that hands it one task after the other."""

    def __init__(
        self,
        preload: str | None,
        waiting: "SimpleQueue[_Task | None]",
        events: "SimpleQueue[_Event]",
    ):
        context = process_context(preload)
        self._waiting, self._events = waiting, events
        self._connection, self._theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._theirs, own_cores()))
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def start(self) -> None:
        """Start the process; where Ctrl-C comes meanwhile, it is started all the same."""
        with starting_processes():
            self._process.start()
            self._theirs.close()
            self._thread.start()

    def join(self) -> None:
        """Wait for the end of the process."""
        self._process.join()
        self._thread.join()
        self._connection.close()

    def kill(self) -> None:
        """End the process at once."""
        if self._process.pid is not None:
            self._process.kill()
            self._waiting.put(None)  # the thread may wait for a task
            self.join()

    def _feed(self) -> None:
        is_started = False
        while (task := self._waiting.get()) is not None:
            try:
                is_started = is_started or self._connection.recv() == STARTED
                self._connection.send_bytes(ForkingPickler.dumps((task.work, task.item)))
                while (message := self._connection.recv())[0] == STEPS:
                    self._events.put(_Event(STEPS, self, task, message[1]))
            except (EOFError, OSError):
                end = (DIED, DIED_TWICE) if is_started else (RAISED, _cannot_start())
                self._events.put(_Event(end[0], self, task, end[1]))
                return
            except Exception as error:  # it cannot be pickled
                message = RAISED, error
            self._events.put(_Event(message[0], self, task, message[1]))
        with suppress(OSError):
            self._connection.send_bytes(NO_MORE)


def process_context(preload: str | None) -> ForkServerContext | SpawnContext:
    """Return how processes are started: forked from one that has imported a module, or afresh.

    Never forked from this one: its threads (bars, pyarrow) would not survive that.
    """
    if preload is None:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


def _cannot_start() -> EnvironmentProblem:
    return EnvironmentProblem(
        "worker processes cannot be started (see above); a script that calls gridkit "
        'must be a file and do so under `if __name__ == "__main__":`'
    )


def _serve(connection: Connection, cores: set[int]) -> None:
    """Do tasks, in a process of its own, until there are no more."""
    if cores:
        # what it was forked from may have been started elsewhere
        os.sched_setaffinity(0, cores)
    threading.Thread(target=die_with_parent, daemon=True).start()

    def count_steps(steps: int) -> None:
        connection.send((STEPS, steps))

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent is gone
        connection.send(STARTED)
        while (packed := connection.recv_bytes()) != NO_MORE:
            try:
                work, item = ForkingPickler.loads(packed)
                reply = ForkingPickler.dumps((DONE, work(item, count_steps)))
            except Exception as error:
                reply = ForkingPickler.dumps((RAISED, portable(error)))
            connection.send_bytes(reply)


def portable(error: Exception) -> Exception:
    """Return an exception that tells the caller where it was raised, and can be pickled."""
    error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def _without_steps(
    function: Callable[[Item], Result], item: Item, _count_steps: CountSteps
) -> Result:
    return function(item)


@contextmanager
def starting_processes() -> Iterator[None]:
    """Have processes that are started in the block compute with one thread each.

    The processes are the parallelism. They do not import from the current folder, and Ctrl-C does
    not reach them: who started them ends them.
    """
    with _environment():
        resource_tracker.ensure_running()  # a process too, whose start lets Ctrl-C through
        with children_import_elsewhere(), _interrupts_later():
            yield


@contextmanager
def _environment() -> Iterator[None]:
    """Give processes that are started in the block their variables; counts that are set stay.

    Not for good: what else this process starts, or a caller's own torch, may want its threads.
    """
    before = dict(os.environ)
    added = ONE_THREAD | LARGE_PAGES | before | NO_CURRENT_FOLDER
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


def die_with_parent() -> None:
    """Leave when the parent is gone: a killed run must not leave workers behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

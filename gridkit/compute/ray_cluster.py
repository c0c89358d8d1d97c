"""Work on a Ray cluster: tasks of one core each, what a lost one did is done again elsewhere.

A task sends a message every two seconds, so a machine that froze is noticed after 40 s, long before
Ray notices. Tasks that Ray wants to begin there wait for it; they are handed over again, to others
that speak. What a frozen one still does when it thaws does not matter: who writes a batch gives it
its name by a rename, and all attempts write the same bytes.
"""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from gridkit.compute.attempt import WORKER_VARIABLES, attempt
from gridkit.compute.executor import CountSteps, Crashed, Item, Result, Retry, Work
from gridkit.errors import EnvironmentProblem, MissingExtraError

MESSAGE_S = 2.0
SILENCE_S = 40.0
"""A task that has begun and says nothing for so long is lost."""
BEGIN_S = 45.0
"""A task that has not begun for so long, though there is room, was sent to such a machine."""
POLL_S = 1.0
CONNECT_S = 10.0
PER_CORE = 2
"""Tasks handed to Ray per core: one runs, one waits."""

ALIVE, DONE, RAISED, LOST, WAITED = "alive", "done", "raised", "lost", "waited"


class RayCluster:
    """An `Executor`, and a context manager that connects and disconnects.

    Args:
        address: of the cluster's head, such as `10.0.0.1:6379`; empty: RAY_ADDRESS, a cluster that
            runs on this machine, or a new one of this machine alone.
        gpus: that each task needs; a fraction lets tasks share one.
    """

    is_local = False

    def __init__(self, address: str = "", *, gpus: float = 0.0):
        self._address, self._gpus = address, gpus
        self._connected = False

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError(
                "--executor ray needs Ray: pip install 'gridkit[ray]', on all machines"
            ) from error
        if not ray.is_initialized():
            check_listening(self._address or os.environ.get("RAY_ADDRESS", ""))
            try:
                ray.init(
                    address=self._address or None,
                    runtime_env={"env_vars": WORKER_VARIABLES},
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                why = str(error).strip().splitlines()[0] if str(error).strip() else ""
                raise EnvironmentProblem(
                    f"no Ray cluster at {self._address or 'this machine'}: {why}; "
                    "start one with `ray start --head`, and give its address"
                ) from error
            self._connected = True
        task = ray.remote(num_cpus=1, num_gpus=self._gpus, max_retries=0)(_stream)
        self._ray: Any = ray
        self._silent: set[str] = set()
        self._noticed_s = 0.0
        self._moved = 0
        self._task = task
        return self

    def __exit__(self, *_: object) -> None:
        if self._connected:
            self._ray.shutdown()
            self._connected = False

    @property
    def workers(self) -> int:
        """How many tasks the cluster has room for now."""
        resources: dict[str, float] = self._ray.cluster_resources()
        room = int(resources.get("CPU", 0))
        if self._gpus:
            room = min(room, int(resources.get("GPU", 0) / self._gpus))
        return room

    def run(
        self,
        work: Work[Item, Result],
        items: Iterable[Item],
        count_steps: CountSteps,
        retry: Retry[Item],
    ) -> Generator[tuple[Item, Result | Crashed], None, None]:
        """Yield each item with its result, as they come; see `Executor.run`."""
        self._check_room()
        coming, again = iter(items), deque[_Task]()
        under_way: dict[Any, _Task] = {}
        try:
            while True:
                self._hand_over(work, coming, again, under_way)
                if not under_way:
                    return
                for stream in self._streams_with_news(under_way):
                    task = under_way[stream]
                    kind, value = self._news_of(stream, task)
                    if kind == ALIVE:
                        task.hear(value, count_steps)
                        continue
                    del under_way[stream]
                    if kind == RAISED:
                        raise value
                    if kind == DONE:
                        yield task.item, value
                    elif kind == WAITED:  # it has not begun: nothing speaks against it
                        again.append(_Task(task.item, task.losses, is_again=True))
                    elif (instead := task.after_loss(retry, count_steps)) is not None:
                        again.append(instead)
                    else:
                        yield task.item, Crashed(f"{value} ({task.losses + 1} times)")
        finally:
            for stream in under_way:
                self._cancel(stream)

    def _hand_over(
        self,
        work: Work[Any, Any],
        coming: Iterator[Any],
        again: "deque[_Task]",
        under_way: "dict[Any, _Task]",
    ) -> None:
        """Give Ray as many tasks as it has room for, lost ones first."""
        while len(under_way) < max(1, self.workers) * PER_CORE:
            task = again.popleft() if again else _next_task(coming)
            if task is None:
                return
            place = self._place_of(task)
            under_way[self._task.options(**place).remote(work, task.item)] = task

    def _place_of(self, task: "_Task") -> dict[str, Any]:
        """Return where Ray is to run a task: after a loss, on a machine that speaks."""
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        nodes = sorted(alive - self._silent)
        if not nodes or not (task.is_again or alive & self._silent):
            return {"scheduling_strategy": "SPREAD"}
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._moved += 1
        node = nodes[self._moved % len(nodes)]
        return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=True)}

    def _check_room(self) -> None:
        if not self.workers:
            what = f"{self._gpus:g} GPU" if self._gpus else "core"
            raise EnvironmentProblem(f"the Ray cluster has no {what} for a task; add a machine")

    def _streams_with_news(self, under_way: "dict[Any, _Task]") -> list[Any]:
        """Return the tasks that say something, or have said nothing for too long."""
        ready, waiting = self._ray.wait(
            list(under_way), num_returns=len(under_way), timeout=0, fetch_local=False
        )
        if not ready:
            ready, waiting = self._ray.wait(waiting, timeout=POLL_S, fetch_local=False)
        has_room = sum(task.heard_s is not None for task in under_way.values()) < self.workers
        lost = [s for s in waiting if under_way[s].is_lost(has_room, self._noticed_s)]
        return [*ready, *lost]

    def _news_of(self, stream: Any, task: "_Task") -> tuple[str, Any]:
        """Return the next message of a task; where there will be none, LOST and why."""
        is_lost = task.is_lost(has_room=True, noticed_s=self._noticed_s)
        if is_lost and not self._ray.wait([stream], timeout=0)[0]:
            self._cancel(stream)
            if task.heard_s is None:
                return WAITED, None
            if task.node_id not in self._silent:
                self._silent.add(task.node_id)
                self._noticed_s = time.monotonic()
            return LOST, f"{task.node} says nothing any more"
        try:
            kind, (task.node, task.node_id), value = self._ray.get(next(stream))
        except StopIteration:
            return LOST, f"the task on {task.node} ended without a result"
        except self._ray.exceptions.RayTaskError as error:  # before a line of gridkit has run
            why = str(error).strip().splitlines()[-1]
            return RAISED, EnvironmentProblem(
                f"a machine of the cluster cannot run gridkit's tasks: {why}; install the same "
                "gridkit[ray] and Python on all of them"
            )
        except self._ray.exceptions.RayError as error:
            why = type(error).__name__
            return LOST, f"the task on {task.node} was lost ({why})"
        return kind, value

    def _cancel(self, stream: Any) -> None:
        with suppress(Exception):  # of a machine that is gone
            self._ray.cancel(stream, force=True)


def check_listening(address: str) -> None:
    """Check that something listens at the address of a cluster: Ray itself tries for ten minutes.

    Args:
        address: `HOST:PORT`, or `ray://HOST:PORT`; others are left to Ray.

    Raises:
        EnvironmentProblem: nothing does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise EnvironmentProblem(
            f"no Ray cluster at {address}: {why}; start one with `ray start --head --port 6379`, "
            "and give its address"
        ) from error


@dataclass
class _Task:
    """An item on its way through the cluster."""

    item: Any
    losses: int = 0
    steps: int = 0
    """Counted in this attempt."""
    node: str = "a machine"
    """Where it runs."""
    node_id: str = ""
    """What Ray calls that."""
    is_again: bool = False
    """Whether it takes the place of a lost one."""
    heard_s: float | None = None
    """When it said something; None where it has not begun."""
    handed_s: float = field(default_factory=time.monotonic)

    def hear(self, steps: int, count_steps: CountSteps) -> None:
        """Note that it said something, and how many more steps are done."""
        self.heard_s = time.monotonic()
        self.steps += steps
        if steps:
            count_steps(steps)

    def after_loss(self, retry: Retry[Any], count_steps: CountSteps) -> "_Task | None":
        """Return what is done in its place; None where it is given up."""
        count_steps(-self.steps)
        instead = retry(self.item, self.losses + 1)
        return None if instead is None else _Task(instead, self.losses + 1, is_again=True)

    def is_lost(self, has_room: bool, noticed_s: float) -> bool:
        """Whether it says nothing any more, or waits for a machine that does not.

        Args:
            has_room: whether there is room for tasks that have not begun.
            noticed_s: when a machine was noticed last to say nothing any more.
        """
        now_s = time.monotonic()
        if self.heard_s is None:
            return self.handed_s < noticed_s or (has_room and now_s - self.handed_s > BEGIN_S)
        return now_s - self.heard_s > SILENCE_S


def _next_task(coming: Iterator[Any]) -> _Task | None:
    for item in coming:
        return _Task(item)
    return None


def _stream(work: Work[Any, Any], item: Any) -> Iterator[tuple[str, tuple[str, str], Any]]:
    """Yield, on a machine of the cluster, messages while an item is done, then its result."""
    import ray

    node = socket.gethostname(), ray.get_runtime_context().get_node_id()
    counted, said = [0], 0
    ending: list[tuple[str, tuple[str, str], Any]] = []

    def count_steps(steps: int) -> None:
        counted[0] += steps

    def do() -> None:
        try:
            ending.append((DONE, node, attempt(work, item, count_steps)))
        except Exception as error:
            ending.append((RAISED, node, error))

    thread = threading.Thread(target=do)
    thread.start()
    while not ending:
        now = counted[0]
        yield ALIVE, node, now - said
        said = now
        thread.join(MESSAGE_S)
    yield ALIVE, node, counted[0] - said
    yield ending[0]

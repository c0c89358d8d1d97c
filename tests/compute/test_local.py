"""Work in local processes: order, bounded look-ahead, crashes contained."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from gridkit.compute.executor import CountSteps, Crashed
from gridkit.compute.local import AHEAD_PER_WORKER, Workers, map_ordered


def square(number: int) -> int:
    return number * number


def die_on_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail_on_two(number: int) -> int:
    if number == 2:
        raise ValueError("two")
    return number


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(map_ordered(square, range(30), workers=2)) == [n * n for n in range(30)]


def test_items_are_taken_only_as_workers_get_free() -> None:
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = map_ordered(square, items(), workers=2)
    next(results)
    assert len(taken) <= 2 * AHEAD_PER_WORKER
    results.close()


def test_an_item_that_kills_its_worker_is_named_and_the_others_are_done() -> None:
    results = list(map_ordered(die_on_three, range(12), workers=2))
    assert isinstance(results[3], Crashed)
    assert [r for r in results if not isinstance(r, Crashed)] == [n for n in range(12) if n != 3]


def sleep_or_count(seconds: float, count_steps: CountSteps) -> float:
    count_steps(3)
    time.sleep(seconds)
    return seconds


def test_work_that_is_under_way_ends_when_nobody_wants_it() -> None:
    start_s = time.monotonic()
    with Workers(2) as workers, closing(workers.run(sleep_or_count, [600.0, 0.0])) as results:
        assert next(results) == (0.0, 0.0)
    assert time.monotonic() - start_s < 300


def die_once(item: tuple[str, int], count_steps: CountSteps) -> str:
    name, attempt = item
    count_steps(2)
    if name == "deadly" and attempt < 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def test_what_is_done_after_a_loss_is_decided_outside_and_steps_are_counted_once() -> None:
    counted: list[int] = []
    items = [("deadly", 0), ("other", 0)]
    with Workers(1) as workers:
        runs = workers.run(die_once, items, counted.append, lambda item, losses: (item[0], losses))
        results = {result: item for item, result in runs}
    assert results == {"deadly": ("deadly", 2), "other": ("other", 0)}
    assert sum(counted) == 4
    assert counted.count(-2) == 2


def test_an_item_that_is_given_up_is_not_the_end_of_the_workers() -> None:
    with Workers(1) as workers:
        results = list(workers.run(die_once, [("deadly", 0), ("other", 0)], retry=lambda *_: None))
    assert isinstance(results[0][1], Crashed)
    assert results[1] == (("other", 0), "other")


class TwoParts(Exception):
    """Cannot be pickled: it is made of two parts, and keeps one."""

    def __init__(self, one: str, two: str):
        super().__init__(one + two)


def raise_two_parts(_item: int) -> None:
    raise TwoParts("whole", "ness")


def test_an_exception_that_cannot_travel_is_told_in_another() -> None:
    with pytest.raises(RuntimeError, match="TwoParts: wholeness"):
        list(map_ordered(raise_two_parts, [1], workers=1))


def test_workers_that_cannot_start_are_no_fault_of_the_items() -> None:
    # a program from a pipe: a spawned worker cannot run its main module
    code = (
        "from gridkit.compute.local import map_ordered\n"
        "print(list(map_ordered(abs, [1, 2], workers=1)))"
    )
    done = subprocess.run([sys.executable], input=code, capture_output=True, text=True)
    assert "Crashed" not in done.stdout
    assert "EnvironmentProblem: worker processes cannot be started" in done.stderr


def test_an_exception_ends_the_run() -> None:
    with pytest.raises(ValueError, match="two"):
        list(map_ordered(fail_on_two, range(5), workers=2))


def threads_of(_item: int) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def test_workers_have_one_thread_and_the_process_they_came_from_its_own(monkeypatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    assert list(map_ordered(threads_of, range(2), workers=1)) == ["1", "1"]
    assert dict(os.environ) == before
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert list(map_ordered(threads_of, range(1), workers=1)) == ["3"]
    assert os.environ["OMP_NUM_THREADS"] == "3"


FORKED = """
import os, sys
from gridkit.compute.local import map_ordered

def found(name):
    return name in sys.modules, os.sched_getaffinity(0)

if __name__ == "__main__":
    every = os.sched_getaffinity(0)
    for cores in (every, {min(every)}, every):
        os.sched_setaffinity(0, cores)
        # nothing that a worker imports by itself
        names = ["colorsys"] * 4
        results = set(map(str, map_ordered(found, names, workers=2, preload="colorsys")))
        assert results == {str((True, cores))}, results
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="cores cannot be chosen here")
def test_workers_have_what_was_preloaded_and_run_where_their_parent_may(tmp_path) -> None:
    """In a process of its own: what is preloaded is decided once in each."""
    script = tmp_path / "forked.py"
    script.write_text(FORKED)
    subprocess.run([sys.executable, script], check=True)


EARLY = """
import psutil
from gridkit.compute.local import Workers, load_early

def ancestors(_name):
    return [parent.pid for parent in psutil.Process().parents()]

if __name__ == "__main__":
    with Workers(2, preload="colorsys") as workers:
        load_early("colorsys")
        (server,) = [
            child.pid
            for child in psutil.Process().children()
            if "forkserver" in " ".join(child.cmdline())
        ]
        for found in workers.map_ordered(ancestors, "abcd"):
            assert found[0] == server, (found, server)
"""


def test_what_workers_are_forked_from_can_be_started_before_there_is_work(tmp_path) -> None:
    script = tmp_path / "early.py"
    script.write_text(EARLY)
    subprocess.run([sys.executable, script], check=True)


def test_no_items_start_and_end_cleanly() -> None:
    assert list(map_ordered(square, [], workers=2)) == []


PARENT = """
import os, time
from gridkit.compute.local import map_ordered

def report(number):
    os.write(1, b"%d\\n" % os.getpid())  # at once: the other one writes there too
    time.sleep(600)

if __name__ == "__main__":
    list(map_ordered(report, range(2), workers=2, preload={preload!r}))
"""


@pytest.mark.parametrize("preload", [None, "gridkit.corpus.codes"])
def test_workers_leave_when_the_parent_is_killed(tmp_path, preload) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(preload=preload))
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while any(is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in workers)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


SLOW = """
import time
print("loading", flush=True)
time.sleep(1)
"""
INTERRUPTED = """
import sys
from gridkit.compute.local import map_ordered

if __name__ == "__main__":
    try:
        list(map_ordered(abs, range(4), workers=2, preload="slow_module"))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def test_ctrl_c_while_workers_start_leaves_no_traceback(tmp_path) -> None:
    (tmp_path / "slow_module.py").write_text(SLOW)
    (tmp_path / "parent.py").write_text(INTERRUPTED)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout.readline() == "loading\n"
    os.killpg(parent.pid, signal.SIGINT)
    _, shown = parent.communicate(timeout=60)
    assert (parent.returncode, shown) == (130, "")

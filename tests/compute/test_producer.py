"""Items that a process of its own makes ahead."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gridkit.compute.producer import Producer
from gridkit.errors import EnvironmentProblem, MediaError


def nothing() -> None:
    pass


def numbers(folder: Path, count: int):
    """Yield numbers, each with a megabyte, and note which were made."""
    for number in range(count):
        (folder / str(number)).touch()
        yield number, bytes(1 << 20)


def fails(path: str):
    yield os.getpid()
    raise MediaError(f"{path} is not a video")


def naps():
    yield os.getpid()
    time.sleep(600)


def dies(path: str):
    yield path
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.fixture(scope="module")
def producer():
    with Producer(f"{__name__}:nothing") as process:
        yield process


def test_items_come_in_order_and_only_a_few_are_made_ahead(producer, tmp_path) -> None:
    items = producer.call(f"{__name__}:numbers", tmp_path, 20)
    assert next(items)[0] == 0
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= 3
    assert [number for number, _ in items] == list(range(1, 20))


def test_they_are_made_elsewhere_and_errors_keep_their_kind(producer) -> None:
    items = producer.call(f"{__name__}:fails", "a.mpg")
    assert next(items) != os.getpid()
    with pytest.raises(MediaError, match=r"^a\.mpg is not a video"):
        next(items)


def test_one_call_comes_after_the_other(producer, tmp_path) -> None:
    with pytest.raises(MediaError):
        list(producer.call(f"{__name__}:fails", "b.mpg"))
    assert len(list(producer.call(f"{__name__}:numbers", tmp_path, 2))) == 2


def test_a_process_that_dies_is_an_error_that_names_what_it_worked_on() -> None:
    with Producer(f"{__name__}:nothing") as process:
        items = process.call(f"{__name__}:dies", "a.mpg")
        assert next(items) == "a.mpg"
        with pytest.raises(EnvironmentProblem, match=r"works on a\.mpg died \(SIGSEGV\)"):
            next(items)


def test_the_block_ends_it_in_the_midst_of_work() -> None:
    with Producer(f"{__name__}:nothing") as process:
        pid = next(process.call(f"{__name__}:naps"))
    assert not psutil.pid_exists(pid)


PARENT = """
import os, sys, time
from gridkit.compute.producer import Producer
if __name__ == "__main__":
    calls = Producer("time:tzset").call("time:sleep", 600)
    print("started", flush=True)
    next(calls)
"""


def test_it_ends_with_whoever_started_it(tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        children = psutil.Process(parent.pid).children()
        assert any("multiprocessing.spawn" in " ".join(child.cmdline()) for child in children)
        parent.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive

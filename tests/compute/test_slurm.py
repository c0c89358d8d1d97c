"""Jobs through submitit: its local executor, on this machine."""

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("submitit")

from gridkit.compute import slurm
from gridkit.compute.executor import CountSteps, Crashed, retry_once
from gridkit.compute.slurm import Slurm, SlurmOptions, slurm_options
from gridkit.errors import DiskFullError, EnvironmentProblem, UsageError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(slurm, "POLL_S", 0.1)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, Path(__file__).parents[1:3])))


def jobs(folder: Path, count: int = 2, minutes: float = 2) -> Slurm:
    return Slurm(folder, SlurmOptions(jobs=count, minutes=minutes), cluster="local")


def square(number: int, count_steps: CountSteps) -> tuple[int, int, str]:
    count_steps(1)
    return number * number, os.getpid(), os.environ["OMP_NUM_THREADS"]


def test_items_are_shared_by_jobs_with_one_thread_each(tmp_path) -> None:
    counted: list[int] = []
    with jobs(tmp_path) as some:
        results = dict(some.run(square, range(5), counted.append, retry_once))
    assert {number: result[0] for number, result in results.items()} == {
        number: number * number for number in range(5)
    }
    assert len({result[1] for result in results.values()} - {os.getpid()}) == 2
    assert {result[2] for result in results.values()} == {"1"}
    assert sum(counted) == 5
    assert list(tmp_path.iterdir()) == []


class DoneJob:
    """A job whose result is there; Slurm put it into the queue again all the same."""

    def __init__(self, call):
        self.call, self.cancelled = call, False

    def done(self):
        return True

    def result(self):
        return self.call()

    def cancel(self):
        self.cancelled = True


def test_no_job_stays_in_the_queue_when_all_is_done(tmp_path, monkeypatch) -> None:
    submitted: list[DoneJob] = []

    class Executor:
        def submit(self, call):
            submitted.append(DoneJob(call))
            return submitted[-1]

    with jobs(tmp_path) as some:
        monkeypatch.setattr(some, "_executor", Executor)
        results = dict(some.run(square, range(4), lambda _: None, retry_once))
    assert {number: result[0] for number, result in results.items()} == {0: 0, 1: 1, 2: 4, 3: 9}
    assert [job.cancelled for job in submitted] == [True, True]


def note_and_sleep(item: tuple[Path, int], count_steps: CountSteps) -> int:
    log, number = item
    with log.open("a") as file:
        file.write(f"{number} {os.getpid()}\n")
    time.sleep(2)
    count_steps(1)
    return number


@pytest.mark.scale
def test_a_job_whose_time_is_over_is_queued_again_and_finishes(tmp_path, monkeypatch) -> None:
    """Eight items of 2 s, and a job of 18 s that is told 2 s before its end."""
    monkeypatch.setattr(slurm, "SIGNAL_S", 2)
    log, counted = tmp_path / "log", []
    with jobs(tmp_path, 1, minutes=0.3) as some:
        items = [(log, number) for number in range(8)]
        results = [
            result for _, result in some.run(note_and_sleep, items, counted.append, retry_once)
        ]
    assert results == [0, 1, 2, 3, 4, 5, 6, 7]
    assert sum(counted) == 8
    begun = [line.split() for line in log.read_text().splitlines()]
    jobs_run = len({process for _, process in begun})
    assert jobs_run > 1
    assert len(begun) <= 8 + jobs_run - 1  # only what was under way is done again
    assert {int(number) for number, _ in begun} == set(range(8))


def die_on_two(number: int, count_steps: CountSteps) -> int:
    if number == 2:
        os._exit(1)
    return number


@pytest.mark.scale
def test_a_job_that_dies_is_given_up_and_the_others_are_done(tmp_path) -> None:
    with jobs(tmp_path, 2) as some:
        results = dict(some.run(die_on_two, [1, 2], lambda _steps: None, retry_once))
    assert isinstance(results[2], Crashed)
    assert "ended without a result" in results[2].detail
    assert results[1] == 1


def fill_the_disk(_item: int, count_steps: CountSteps) -> None:
    raise DiskFullError("no space left for x")


def test_what_a_machine_lacks_names_the_machine_and_ends_the_run(tmp_path) -> None:
    says = f"^{os.uname().nodename}: no space left for x$"
    with pytest.raises(DiskFullError, match=says), jobs(tmp_path, 1) as some:
        list(some.run(fill_the_disk, [1], lambda _steps: None, retry_once))
    assert list(tmp_path.iterdir()) != []  # the output of the jobs stays


def test_options_are_for_the_array_or_for_sbatch() -> None:
    options = slurm_options(["jobs=4", "minutes=30", "partition=main", "--mem-per-cpu=2G"])
    assert options == SlurmOptions(4, 30, 0, {"partition": "main", "mem_per_cpu": "2G"})


@pytest.mark.parametrize(
    ("given", "says"),
    [("main", "expected KEY=VALUE"), ("jobs=0", "from 1 on"), ("minutes=2", "at least 3 minutes")],
)
def test_wrong_options_are_refused(given, says) -> None:
    with pytest.raises(UsageError, match=says):
        slurm_options([given])


def test_without_slurm_it_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="there is no sbatch here"):
        Slurm(tmp_path, SlurmOptions()).__enter__()

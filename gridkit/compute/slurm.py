"""Work on a Slurm cluster: a job array, submitted and watched by submitit.

Each job of the array does its share of the items, one after the other. A job that is preempted, or
reaches its time, is put into the queue again with what it has not done yet. Jobs leave what they
are given, and their results, in a folder that all machines see.
"""

import shutil
import time
import uuid
from collections.abc import Generator, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from gridkit.compute.attempt import attempt
from gridkit.compute.executor import CountSteps, Crashed, Item, Result, Retry, Work
from gridkit.compute.local import starting_processes
from gridkit.errors import EnvironmentProblem, MissingExtraError, UsageError

JOBS = 16
MINUTES = 60
SIGNAL_S = 90
"""Before its time is over a job is told so long, to be put into the queue again."""
MOST_TIMES = 1000
"""How often the time of a job may be over."""
POLL_S = 2.0
JOBS_FOLDER = ".gridkit-jobs"


@dataclass(frozen=True)
class SlurmOptions:
    """How jobs are submitted."""

    jobs: int = JOBS
    """Jobs of the array: each has one core."""
    minutes: float = MINUTES
    """Time of a job; one that needs more is put into the queue again."""
    gpus: int = 0
    """Of each job."""
    more: Mapping[str, str] = field(default_factory=dict)
    """What else `sbatch` is given: partition, account, qos, mem, ..."""


def slurm_options(given: Iterable[str], *, gpus: float = 0.0) -> SlurmOptions:
    """Return the options that `--slurm KEY=VALUE` gives: `jobs`, `minutes`, or one of sbatch.

    Raises:
        UsageError: an option of another form, or a time that is too short to be told of its end.
    """
    named: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"--slurm {text}: expected KEY=VALUE, such as partition=main")
        named[name.strip("-").replace("-", "_")] = value
    if gpus != int(gpus):
        raise UsageError("--gpus-per-task: Slurm gives whole GPUs")
    own = {name: _number(name, named.pop(name)) for name in ("jobs", "minutes") if name in named}
    options = SlurmOptions(**own, gpus=int(gpus), more=named)
    if options.minutes * 60 < 2 * SIGNAL_S:
        raise UsageError(
            f"--slurm minutes={options.minutes}: a job is told {SIGNAL_S} s before its end; give "
            "at least 3 minutes"
        )
    return options


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value)):
        raise UsageError(f"--slurm {name}={value}: expected a number from 1 on")
    return int(value)


class Slurm:
    """An `Executor`, and a context manager.

    Args:
        folder: that all machines see; jobs, their output and results go to a folder in it, which
            is removed where all went well.
        options: how jobs are submitted.
        cluster: `slurm`; `local` runs the jobs on this machine, for tests.
    """

    is_local = False

    def __init__(self, folder: Path, options: SlurmOptions, *, cluster: str = "slurm"):
        self._parent, self.options, self._cluster = folder.resolve(), options, cluster

    def __enter__(self) -> Self:
        try:
            import submitit
        except ImportError as error:
            raise MissingExtraError(
                "--executor slurm needs submitit: pip install 'gridkit[slurm]'"
            ) from error
        if self._cluster == "slurm" and shutil.which("sbatch") is None:
            raise EnvironmentProblem(
                "--executor slurm: there is no sbatch here; run it on a machine that submits jobs"
            )
        self._submitit = submitit
        self._folder = self._parent / JOBS_FOLDER / uuid.uuid4().hex[:8]
        self._folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            with suppress(OSError):
                self._folder.parent.rmdir()

    @property
    def workers(self) -> int:
        """How many jobs there are at most."""
        return self.options.jobs

    def run(
        self,
        work: Work[Item, Result],
        items: Iterable[Item],
        count_steps: CountSteps,
        retry: Retry[Item],
    ) -> Generator[tuple[Item, Result | Crashed], None, None]:
        """Yield each item with its result, as their jobs end; see `Executor.run`."""
        left = [(item, 0) for item in items]
        while left:
            shares = [left[n :: self.workers] for n in range(min(self.workers, len(left)))]
            left = []
            for share, results in self._jobs(work, shares, count_steps):
                if not isinstance(results, str):
                    yield from ((item, got) for (item, _), got in zip(share, results, strict=True))
                    continue
                for item, losses in share:
                    instead = retry(item, losses + 1)
                    if instead is None:
                        yield item, Crashed(f"{results} ({losses + 1} times)")
                    else:
                        left.append((instead, losses + 1))

    def _jobs(
        self,
        work: Work[Item, Result],
        shares: list[list[tuple[Item, int]]],
        count_steps: CountSteps,
    ) -> Generator[tuple[list[tuple[Item, int]], list[Result] | str], None, None]:
        """Yield each share with its results as its job ends, or with how the job was lost."""
        executor = self._executor()
        calls = [
            Share(work, [item for item, _ in share], self._folder / f"steps-{uuid.uuid4().hex}")
            for share in shares
        ]
        # on this machine, jobs of an array count as ended at once (submitit 1.5.4)
        is_array = self._cluster == "slurm"
        with starting_processes(), executor.batch() if is_array else nullcontext():
            jobs = [executor.submit(call) for call in calls]
        waiting = dict(zip(jobs, zip(shares, calls, strict=True), strict=True))
        counted = 0
        try:
            while waiting:
                for job in [job for job in waiting if job.done()]:
                    share, _ = waiting.pop(job)
                    yield share, self._results(job)
                now = sum(call.counted() for call in calls)
                count_steps(now - counted)
                counted = now
                if waiting:
                    time.sleep(POLL_S)
        finally:
            # also those that are done: one that was put into the queue again at its end is there
            for job in jobs:
                with suppress(Exception):
                    job.cancel()

    def _results(self, job: Any) -> "list[Any] | str":
        try:
            outcome = job.result()
        except self._submitit.core.utils.UncompletedJobError:
            last = _last_line(job.paths.stderr)
            return f"job {job.job_id} ended without a result{last}; see {job.paths.stderr}"
        except self._submitit.core.utils.FailedJobError as error:  # not by a line of gridkit
            why = str(error).strip().splitlines()[-1]
            raise EnvironmentProblem(
                f"job {job.job_id} could not run: {why}; see {job.paths.stderr}"
            ) from error
        if isinstance(outcome, Exception):
            raise outcome
        return list(outcome)

    def _executor(self) -> Any:
        options = self.options
        if self._cluster == "local":
            executor = self._submitit.LocalExecutor(self._folder, max_num_timeout=MOST_TIMES)
            executor.update_parameters(timeout_min=options.minutes, signal_delay_s=SIGNAL_S)
            return executor
        executor = self._submitit.SlurmExecutor(self._folder, max_num_timeout=MOST_TIMES)
        executor.update_parameters(
            job_name="gridkit",
            time=options.minutes,
            cpus_per_task=1,
            array_parallelism=options.jobs,
            signal_delay_s=SIGNAL_S,
            additional_parameters=dict(options.more),
            **({"gpus_per_task": options.gpus} if options.gpus else {}),
        )
        return executor


def _last_line(log: Path) -> str:
    """Return the last line of a log in brackets, as far as there is one."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" ({lines[-1].strip()})" if lines else ""


class Share:
    """The items of one job; called there. submitit asks for a checkpoint where its time is over."""

    def __init__(self, work: Work[Any, Any], items: list[Any], steps_file: Path):
        self._work, self._items, self._steps_file = work, items, steps_file
        self._results: list[Any] = []
        self._steps = self._steps_of_results = 0

    def __call__(self) -> "list[Any] | Exception":
        """Return the results of all items, or what was raised for one."""
        self._steps = self._steps_of_results
        for item in self._items[len(self._results) :]:
            try:
                result = attempt(self._work, item, self._count)
            except Exception as error:
                return error
            self._results.append(result)
            self._steps_of_results = self._steps
        return self._results

    def checkpoint(self) -> Any:
        """Return what is put into the queue again: the rest of the items."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def counted(self) -> int:
        """Return how many steps are done, as the job has written it down."""
        try:
            return int(self._steps_file.read_text() or "0")
        except (OSError, ValueError):
            return 0

    def _count(self, steps: int) -> None:
        self._steps += steps
        with suppress(OSError):  # only for a bar
            self._steps_file.write_text(str(self._steps))

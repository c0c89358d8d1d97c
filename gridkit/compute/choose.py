"""From the options of a command to where its work runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridkit.compute.executor import Executor
from gridkit.compute.local import Workers, usable_cores
from gridkit.errors import UsageError

LOCAL, RAY, SLURM = "local", "ray", "slurm"


@dataclass(frozen=True)
class Where:
    """Where work runs, as a person chose it."""

    kind: str = LOCAL
    address: str = ""
    """Of a Ray cluster; empty for the one at hand."""
    slurm: tuple[str, ...] = ()
    """`KEY=VALUE` each."""
    gpus: float = 0.0
    """That a task needs."""

    @property
    def is_local(self) -> bool:
        """Whether work stays on this machine."""
        return self.kind == LOCAL


def parse_where(text: str, slurm: Sequence[str] = (), gpus: float = 0.0) -> Where:
    """Return what `--executor` means: `local`, `ray`, `ray:ADDRESS` or `slurm`.

    Raises:
        UsageError: it has another form, or options are given that it does not take.

    >>> parse_where("ray:10.0.0.1:6379").address
    '10.0.0.1:6379'
    """
    kind, colon, address = text.partition(":")
    if kind not in (LOCAL, RAY, SLURM) or (colon and (kind != RAY or not address)):
        raise UsageError(f"--executor {text}: expected local, ray, ray:ADDRESS or slurm")
    if slurm and kind != SLURM:
        raise UsageError(f"--slurm {slurm[0]}: only --executor slurm takes it")
    if gpus and kind == LOCAL:
        raise UsageError("--gpus-per-task: only --executor ray and slurm take it")
    if kind == SLURM:
        from gridkit.compute.slurm import slurm_options

        slurm_options(slurm, gpus=gpus)  # what is wrong with them is said now
    return Where(kind, address, tuple(slurm), gpus)


@contextmanager
def open_executor(
    where: Where, *, shared: Path, workers: int | None = None, preload: str | None = None
) -> Iterator[Executor]:
    """Give where work runs; workers end with the block.

    Args:
        where: the choice.
        shared: a folder that all machines see; jobs leave their files there meanwhile.
        workers: processes on this machine; None for all cores.
        preload: see `Workers`.

    Raises:
        MissingExtraError: what runs it is not installed.
        EnvironmentProblem: it cannot be reached.
    """
    if where.kind == RAY:
        from gridkit.compute.ray_cluster import RayCluster

        with RayCluster(where.address, gpus=where.gpus) as cluster:
            yield cluster
    elif where.kind == SLURM:
        from gridkit.compute.slurm import Slurm, slurm_options

        with Slurm(shared, slurm_options(where.slurm, gpus=where.gpus)) as jobs:
            yield jobs
    else:
        with Workers(workers or usable_cores(), preload=preload) as processes:
            yield processes

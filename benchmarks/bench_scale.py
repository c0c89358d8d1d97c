"""What other machines cost: Ray beside local processes, overhead per batch, bytes that travel.

All in one run on original clips, in a network of this machine alone (where the system allows it):
two Ray machines of one core each, and two local processes, make the same batches in turn, from the
first batch to the last record, workers started before. The overhead of a batch is that of one in
which nothing is done.

    python benchmarks/bench_scale.py [--clips 48] [--clips-per-batch 4] [--rounds 3]
"""

import argparse
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from ray.cluster_utils import Cluster
from support.loopback import raise_loopback

from gridkit.compute.executor import CountSteps, Executor, count_nothing, retry_once
from gridkit.compute.local import Workers
from gridkit.compute.ray_cluster import RayCluster
from gridkit.compute.slurm import Slurm, SlurmOptions
from gridkit.prepare import PRELOAD, plan
from gridkit.prepare.batch import BatchUnit, Unit, contain, work
from gridkit.prepare.outline import Place, write_outline
from gridkit.prepare.pipeline import Request, plan_run
from gridkit.prepare.request import make_settings

GRID = Path(os.environ.get("GRIDKIT_GRID", "../shared/grid"))
ALONE = "GRIDKIT_BENCH_ALONE"
LOCAL, RAY = "two local processes", "two Ray machines of one core"
EMPTY_BATCHES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--clips-per-batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        units = units_of(folder, options.clips, options.clips_per_batch)
        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        try:
            with Workers(2, preload=PRELOAD) as here, RayCluster(cluster.address) as there:
                compare(folder, {LOCAL: here, RAY: there}, units, options.rounds)
                overheads(folder, {LOCAL: here, RAY: there})
        finally:
            cluster.shutdown()
    sizes(units)


def units_of(folder: Path, clips: int, per_batch: int) -> list[Unit]:
    """Return batches of a few original clips each, ready to be made."""
    plan.CLIPS_PER_SHARD = per_batch
    settings = make_settings(())
    source, alignments = GRID / "video", GRID / "alignments.zip"
    run = plan_run(Request(folder / "corpus", source, "grid", settings, alignments=alignments))
    jobs = run.jobs[: max(2, clips // per_batch)]
    write_outline(folder / "corpus", run.outline)
    return [BatchUnit(job, Place(folder / "corpus", run.outline.id)) for job in jobs]


def clips_of(unit: Unit) -> int:
    return len(unit.job.batch.tasks) if isinstance(unit, BatchUnit) else 1


def compare(
    folder: Path, executors: dict[str, Executor], units: Sequence[Unit], rounds: int
) -> None:
    clips = sum(clips_of(unit) for unit in units)
    rates: dict[str, list[float]] = {name: [] for name in executors}
    for executor in executors.values():  # workers start, and load what a first clip loads
        make(folder, executor, units[:2])
    for _ in range(rounds):
        for name, executor in executors.items():
            rates[name].append(clips / make(folder, executor, units))
    print(f"{clips} original clips in {len(units)} batches, {rounds} rounds\n")
    for name, values in rates.items():
        print(f"{name:30} {summary(values)} clips/s")
    ratios = [ray / local for ray, local in zip(rates[RAY], rates[LOCAL], strict=True)]
    print(f"{'Ray over local':30} {summary(ratios)} times (to reach: 0.9)\n")


def make(folder: Path, executor: Executor, units: Sequence[Unit]) -> float:
    """Return the wall seconds in which batches are made; none is there before."""
    for made in ("batches", "data"):
        shutil.rmtree(folder / "corpus" / ".gridkit" / made, ignore_errors=True)
    start_s = time.perf_counter()
    results = list(executor.run(work, units, count_nothing, contain))
    elapsed_s = time.perf_counter() - start_s
    assert len(results) == len(units)
    return elapsed_s


def overheads(folder: Path, executors: dict[str, Executor]) -> None:
    """Print what a batch costs in which nothing is done."""
    for name, executor in executors.items():
        print(f"{name:30} {1000 * empty_s(executor):8.1f} ms overhead per batch")
    with Slurm(folder, SlurmOptions(jobs=1), cluster="local") as jobs:
        elapsed_s = empty_s(jobs) * EMPTY_BATCHES
    print(f"{'a job of submitit, here':30} {elapsed_s:8.1f} s per job, whatever it does\n")


def empty_s(executor: Executor) -> float:
    start_s = time.perf_counter()
    done = list(executor.run(nothing, range(EMPTY_BATCHES), count_nothing, retry_once))
    assert len(done) == EMPTY_BATCHES
    return (time.perf_counter() - start_s) / EMPTY_BATCHES


def nothing(_item: int, _count: CountSteps) -> None:
    """Do nothing, in a worker."""


def sizes(units: Sequence[Unit]) -> None:
    """Print what travels for a batch of the size that prepare makes."""
    per_clip = [len(pickle.dumps(unit)) / clips_of(unit) for unit in units]
    print(f"to the worker, per clip        {statistics.median(per_clip):8.0f} bytes (under 2,000)")


def summary(values: Sequence[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})"


def alone() -> None:
    """Go on in a network of this machine's own address alone, where that may be made."""
    if ALONE in os.environ:
        raise_loopback()
        return
    can = partial(subprocess.run, ["unshare", "-n", "true"], capture_output=True)
    if shutil.which("unshare") and can().returncode == 0:
        tests = str(Path(__file__).parents[1] / "tests")
        path = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
        added = {ALONE: "1", "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}
        command = ["unshare", "-n", sys.executable, *sys.argv]
        os.execvpe(command[0], command, {**os.environ, **added})


if __name__ == "__main__":
    alone()
    main()

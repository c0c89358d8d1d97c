"""Faults of a Ray cluster of two machines of one core, one after the other.

FOLDER SOURCE CORPUS MODEL: where to work, clips to prepare, a corpus and a model to evaluate on it.

Runs where there is nothing but this machine's own address (`unshare -n`). Prints, for each fault,
a line of JSON with what the test checks.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from ray.cluster_utils import Cluster
from support.loopback import raise_loopback
from support.slow_work import DEADLY_NAME, begun

DRIVER = Path(__file__).with_name("ray_driver.py")
EVALUATION = Path(__file__).with_name("ray_evaluation.py")


def main() -> None:
    folder, source, prepared, model = Path(sys.argv[1]), *sys.argv[2:]
    raise_loopback()
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    for name, fault in FAULTS.items():
        other = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        corpus = folder / name / "corpus"
        corpus.parent.mkdir(parents=True)
        if name == "batch always fails":
            (corpus.parent / DEADLY_NAME).write_text("data/x1-00001.parquet")
        start_s = time.monotonic()
        facts = fault(cluster, other, Run(corpus, source, cluster.address))
        facts["seconds"] = round(time.monotonic() - start_s)
        facts["begun"] = len(begun(corpus))
        print(json.dumps({"fault": name, **facts}), flush=True)
        if other in cluster.worker_nodes:
            cluster.remove_node(other, allow_graceful=False)
    result = folder / "evaluation" / "result"
    facts = evaluation(cluster, Run(result, prepared, cluster.address, model))
    print(json.dumps({"fault": "evaluation", **facts}), flush=True)
    cluster.shutdown()


def evaluation(cluster: Cluster, run: "Run") -> dict[str, object]:
    """Evaluate, and kill a machine when the first part of the predictions is there."""
    other = cluster.add_node(num_cpus=1)
    while not list((run.corpus / "predictions").glob("part-*")):
        if run.process.poll() is not None:
            return run.end()
        time.sleep(0.1)
    lose(cluster, other)
    return run.end()


class Run:
    """A driver in a process of its own."""

    def __init__(self, corpus: Path, source: str, address: str, model: str | None = None):
        self.corpus = corpus
        driver, given = (EVALUATION, [source, model]) if model else (DRIVER, [source])
        self._command = [sys.executable, str(driver), str(corpus), *given, address]
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        self.process = subprocess.Popen(
            self._command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )

    def wait_for_batches(self, count: int) -> None:
        """Wait until so many batches are finished."""
        while len(list((self.corpus / ".gridkit" / "batches").glob("*.json"))) < count:
            if self.process.poll() is not None:
                sys.exit(f"the driver ended: {self.process.stderr.read()}")
            time.sleep(0.1)

    def wait_for_work_of(self, node) -> None:
        """Wait until a machine begins a batch: it takes seconds from there."""
        seen = len(begun(self.corpus))
        while {process for _, process in begun(self.corpus)[seen:]}.isdisjoint(
            process.pid for process in processes(node)
        ):
            if self.process.poll() is not None:
                sys.exit(f"the driver ended: {self.process.stderr.read()}")
            time.sleep(0.1)

    def end(self) -> dict[str, object]:
        """Wait for its end; return what it says."""
        _, says = self.process.communicate(timeout=150)
        lines = [line for line in says.splitlines() if "rror" in line]
        return {"status": self.process.returncode, "says": lines[-1] if lines else ""}


def nothing(_cluster: Cluster, _other: object, run: Run) -> dict[str, object]:
    return run.end()


def processes(node) -> list[psutil.Process]:
    """Return the processes of a machine."""
    found = []
    for info in (info for infos in node.all_processes.values() for info in infos):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(info.process.pid)
            found += [process, *process.children(recursive=True)]
    return found


def lose(cluster: Cluster, node) -> None:
    """End a machine with all that runs on it."""
    killed = processes(node)
    cluster.remove_node(node, allow_graceful=False)
    for process in killed:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def node_killed(cluster: Cluster, other, run: Run) -> dict[str, object]:
    """Killed in the midst of a batch."""
    run.wait_for_batches(2)
    run.wait_for_work_of(other)
    lose(cluster, other)
    return run.end()


def node_frozen(_cluster: Cluster, other, run: Run) -> dict[str, object]:
    """Froze in the midst of a batch, thawed when the run has ended."""
    run.wait_for_batches(2)
    run.wait_for_work_of(other)
    frozen = processes(other)
    for process in frozen:
        process.suspend()
    try:
        return run.end()
    finally:
        for process in frozen:
            if process.is_running():
                process.resume()
        time.sleep(5)


def driver_killed(_cluster: Cluster, _other: object, run: Run) -> dict[str, object]:
    run.wait_for_batches(2)
    run.process.kill()
    run.process.wait()
    finished = len(list((run.corpus / ".gridkit" / "batches").glob("*.json")))
    run.start()
    return {**run.end(), "finished": finished}


def batch_always_fails(_cluster: Cluster, _other: object, run: Run) -> dict[str, object]:
    return run.end()


FAULTS: dict[str, Callable[..., dict[str, object]]] = {
    "nothing": nothing,
    "node killed": node_killed,
    "node frozen": node_frozen,
    "driver killed": driver_killed,
    "batch always fails": batch_always_fails,
}

if __name__ == "__main__":
    main()

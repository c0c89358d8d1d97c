"""Work of prepare that takes long enough to be disturbed, and notes what it has begun."""

import os
import signal
import time
from pathlib import Path

from gridkit.compute.executor import CountSteps
from gridkit.prepare.batch import BatchUnit, Made, work

SLOW_S = 2.0
LOG_NAME = "begun.log"
DEADLY_NAME = "deadly"


def slow_work(unit: BatchUnit, count_clips: CountSteps) -> Made:
    """Note that a batch is begun beside the corpus; die where a file there names its shard."""
    beside = unit.place.corpus.parent
    with (beside / LOG_NAME).open("a") as log:
        log.write(f"{unit.job.batch.shard} {os.getpid()}\n")
    deadly = beside / DEADLY_NAME
    if deadly.exists() and deadly.read_text() == unit.job.batch.shard:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(SLOW_S)
    return work(unit, count_clips)


def begun(corpus: Path) -> list[tuple[str, int]]:
    """Return the shards that were begun, in order, each with the process that began it."""
    log = corpus.parent / LOG_NAME
    lines = log.read_text().splitlines() if log.is_file() else []
    return [(shard, int(process)) for shard, process in map(str.split, lines)]

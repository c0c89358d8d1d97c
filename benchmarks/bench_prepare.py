"""How fast prepare is on one core and on two, compared with the public way and with decoding alone.

All in one run on original MPEG-1 clips, because absolute times mean little on a busy machine.
The public way is dlib's detector on every frame, upsampled once, then its 68 points, one core;
it neither crops nor encodes. gridkit's time is from the file to the written shard.

    python benchmarks/bench_prepare.py [--clips 40] [--public-clips 4]
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import dlib
import numpy as np

from gridkit.compute.local import Crashed, map_ordered, usable_cores
from gridkit.corpus.records import FRAMES, Clip
from gridkit.media.decode import decode_clip
from gridkit.media.landmarks_model import default_landmark_model
from gridkit.prepare.batch import PRELOAD
from gridkit.prepare.clip import Settings, Task, prepare_clip
from gridkit.prepare.plan import make_plan
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.request import make_settings
from gridkit.prepare.sources import scan
from gridkit.store.shards import write_shard

REPEATS = 2
"""Runs in processes; the quickest counts, because other work on the machine only adds time."""
GRID = Path(os.environ.get("GRIDKIT_GRID", "../shared/grid"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--public-clips", type=int, default=4)
    options = parser.parse_args()
    tasks = original_clips(options.clips)
    settings = make_settings(())
    decode_s = seconds_a_clip(lambda: [decode_clip(task.file.read()) for task in tasks], tasks)
    few = tasks[:: max(1, len(tasks) // options.public_clips)][: options.public_clips]
    public_s = seconds_a_clip(lambda: [public_way(task) for task in few], few)
    one_s, two_s = (pooled(tasks, settings, workers) for workers in (1, 2))

    print(
        f"{len(tasks)} original clips of {len({task.speaker for task in tasks})} speakers; ", end=""
    )
    print(f"the public way on {len(few)} of them; {usable_cores()} cores\n")
    print(f"{'':34}    ms/clip  clips/s  times the public way")
    row("public way, one core", public_s, public_s)
    row("gridkit, one core", one_s, public_s)
    row("gridkit, two cores", two_s, public_s)
    row("decoding alone (the floor)", decode_s, public_s)
    print(f"\ntwo cores over one: {one_s / two_s:.2f} times")
    print(f"peak memory of a worker, the shared model included: {max(PEAKS_MB):.0f} MB")


def row(name: str, clip_s: float, public_s: float) -> None:
    print(f"{name:34} {1000 * clip_s:10.1f} {1 / clip_s:8.1f} {public_s / clip_s:21.1f}")


def original_clips(number: int) -> list[Task]:
    """Return whole MPEG-1 clips, spread evenly over all those of the folder."""
    plan = make_plan(scan(GRID), "grid")
    tasks = [
        task
        for batch in plan.batches
        for task in batch.tasks
        if task.file.key.endswith(".mpg") and len(luma_of(task)) == FRAMES
    ]
    return tasks[:: max(1, len(tasks) // number)][:number]


def luma_of(task: Task) -> np.ndarray:
    """Return the frames of a clip, gray, uint8 (T, H, W)."""
    video = decode_clip(task.file.read()).video
    return np.empty((0, 0, 0), np.uint8) if video is None else video.luma


def public_way(task: Task) -> np.ndarray:
    """Return the 68 points of every frame, as most published scripts find them."""
    points = []
    for frame in luma_of(task):
        boxes = DETECTOR(frame, 1)
        if boxes:
            points.append([(p.x, p.y) for p in PREDICTOR(frame, boxes[0]).parts()])
    return np.array(points)


def write(results: Iterable[object]) -> None:
    """Write what was kept as one shard."""
    clips = [result for result in results if isinstance(result, Clip)]
    with tempfile.TemporaryDirectory() as folder:
        write_shard(
            Path(folder) / "shard.parquet", clips, {}, profiles=("mouth96",), split_names=()
        )


def seconds_a_clip(work: Callable[[], object], tasks: Sequence[Task]) -> float:
    """Return processor seconds: the work of one thread, without other work of the machine."""
    start_s = time.process_time()
    work()
    return (time.process_time() - start_s) / len(tasks)


def pooled(tasks: Sequence[Task], settings: Settings, workers: int) -> float:
    """Return seconds per clip in processes, by the slope: the time to start them cancels out."""

    def run(work: Sequence[Task]) -> float:
        start_s = time.perf_counter()
        results = map_ordered(partial(_prepare, settings), work, workers=workers, preload=PRELOAD)
        write(noted(results))
        return time.perf_counter() - start_s

    once_s, thrice_s = (min(run([*tasks] * n) for _ in range(REPEATS)) for n in (1, 3))
    return (thrice_s - once_s) / (2 * len(tasks))


def noted(results: Iterable[tuple[Clip | Rejection, float] | Crashed]) -> Iterator[object]:
    for result in results:
        assert not isinstance(result, Crashed), result.detail
        clip, peak_mb = result
        PEAKS_MB.append(peak_mb)
        yield clip


def _prepare(settings: Settings, task: Task) -> tuple[Clip | Rejection, float]:
    """Return the clip, and the most memory this process has had, in MB."""
    result = prepare_clip(task, settings)
    return result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PEAKS_MB: list[float] = []
DETECTOR = dlib.get_frontal_face_detector()
PREDICTOR = dlib.shape_predictor(str(default_landmark_model().path))

if __name__ == "__main__":
    main()

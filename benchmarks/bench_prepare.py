"""How fast prepare is on one core and on two, compared with the public way and with decoding alone.

All in one run on original MPEG-1 clips, because absolute times mean little on a busy machine.
Rounds alternate between the ways, so that other work on the machine slows all of them. Every figure
is wall time by one clock: the median over the rounds, and the range. The public way is dlib's
detector on every frame, upsampled once, then its 68 points, one core; it neither crops nor encodes.
gridkit's time is from the first clip's file to the written shard, workers started before. Decoding
alone runs in the same workers and is the floor: a figure under it is refused, and none is printed.

    python benchmarks/bench_prepare.py [--clips 40] [--public-clips 4] [--rounds 5]
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import dlib
import numpy as np

from gridkit.compute.executor import Crashed
from gridkit.compute.local import Workers, usable_cores
from gridkit.corpus.records import FRAMES, Clip
from gridkit.media.decode import decode_clip
from gridkit.media.landmarks_model import default_landmark_model
from gridkit.prepare import PRELOAD
from gridkit.prepare.clip import Settings, Task, prepare_clip
from gridkit.prepare.plan import make_plan
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.request import make_settings
from gridkit.prepare.sources import scan
from gridkit.store.shards import write_shard

GRID = Path(os.environ.get("GRIDKIT_GRID", "../shared/grid"))
PUBLIC = "public way, one core"
PREPARE = {1: "gridkit, one core", 2: "gridkit, two cores"}
DECODE = {1: "decoding alone, one core", 2: "decoding alone, two cores"}
"""The floor of `PREPARE`, by number of workers."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--public-clips", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    tasks = original_clips(options.clips)
    few = tasks[:: max(1, len(tasks) // options.public_clips)][: options.public_clips]
    with Workers(1, preload=PRELOAD) as one, Workers(2, preload=PRELOAD) as two:
        ways = ways_of(tasks, few, {1: one, 2: two})
        for workers in (one, two):  # they start, and load what a first clip loads
            prepare(workers, tasks[: 2 * workers.count])
        clip_s: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                clip_s[name].append(way())
    refuse_the_impossible(clip_s)
    speakers = len({task.speaker for task in tasks})
    print(
        f"{len(tasks)} original clips of {speakers} speakers; the public way on {len(few)} of them;"
    )
    print(f"{options.rounds} rounds; {usable_cores()} cores\n")
    print(f"{'':26} ms/clip: median (range)   clips/s  times the public way: median (range)")
    for name in ways:
        print(row(name, clip_s[name], clip_s[PUBLIC]))
    print(
        f"\ntwo cores over one: {summary(ratios(clip_s[PREPARE[1]], clip_s[PREPARE[2]]), 2)} times"
    )
    print(f"peak memory of a worker, the shared model included: {max(PEAKS_MB):.0f} MB")


def ways_of(
    tasks: Sequence[Task], few: Sequence[Task], workers: dict[int, Workers]
) -> dict[str, Callable[[], float]]:
    """Return what is timed, by name; each returns wall seconds per clip."""
    ways: dict[str, Callable[[], float]] = {
        PUBLIC: lambda: wall_s(lambda: [public_way(task) for task in few]) / len(few)
    }
    for count, some in workers.items():
        ways[PREPARE[count]] = partial(timed, prepare, some, tasks)
        ways[DECODE[count]] = partial(timed, decode, some, tasks)
    return ways


def timed(
    work: Callable[[Workers, Sequence[Task]], None], workers: Workers, tasks: Sequence[Task]
) -> float:
    return wall_s(lambda: work(workers, tasks)) / len(tasks)


def wall_s(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


def refuse_the_impossible(clip_s: dict[str, list[float]]) -> None:
    """End with an error where a median is under its floor: preparing a clip decodes it."""
    for count, name in PREPARE.items():
        figure_s, floor_s = (statistics.median(clip_s[way]) for way in (name, DECODE[count]))
        if figure_s < floor_s:
            sys.exit(
                f"{name}: {1000 * figure_s:.1f} ms per clip is under {DECODE[count]}, "
                f"{1000 * floor_s:.1f} ms: other work disturbed the run; run it again"
            )


def row(name: str, clip_s: Sequence[float], public_s: Sequence[float]) -> str:
    ms = summary([1000 * value for value in clip_s], 1)
    return (
        f"{name:26} {ms:25} {1 / statistics.median(clip_s):8.1f}  "
        f"{summary(ratios(public_s, clip_s), 1)}"
    )


def ratios(slow_s: Sequence[float], quick_s: Sequence[float]) -> list[float]:
    """Return how many times as fast, round by round."""
    return [slow / quick for slow, quick in zip(slow_s, quick_s, strict=True)]


def summary(values: Sequence[float], digits: int) -> str:
    """Return the median of some values, and their range."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


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


def prepare(workers: Workers, tasks: Sequence[Task]) -> None:
    """Prepare clips in processes, and write what was kept as one shard."""
    settings = make_settings(())
    clips = []
    for clip, peak_mb in sound(workers.map_ordered(partial(_prepare, settings), tasks)):
        PEAKS_MB.append(peak_mb)
        clips += [clip] if isinstance(clip, Clip) else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.parquet"
        write_shard(path, clips, {}, profiles=("mouth96",), split_names=())


def decode(workers: Workers, tasks: Sequence[Task]) -> None:
    """Decode clips in processes."""
    for frames in sound(workers.map_ordered(_decode, tasks)):
        assert frames == FRAMES


def sound(results: Iterator[object]) -> Iterator:
    for result in results:
        assert not isinstance(result, Crashed), result.detail
        yield result


def _prepare(settings: Settings, task: Task) -> tuple[Clip | Rejection, float]:
    """Return the clip, and the most memory this process has had, in MB."""
    result = prepare_clip(task, settings)
    return result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _decode(task: Task) -> int:
    return len(luma_of(task))


PEAKS_MB: list[float] = []
DETECTOR = dlib.get_frontal_face_detector()
PREDICTOR = dlib.shape_predictor(str(default_landmark_model().path))

if __name__ == "__main__":
    main()

"""The site of a leaderboard of 200 systems: built, then built again with one more.

The board is made up: 100 clips of 4 speakers a row, and samples of the size that real ones have.
Both builds are of the same process, its modules loaded; rounds alternate. CPU time is beside wall
time, as other work on the machine slows the latter alone.

    python benchmarks/bench_leaderboard.py [--systems 200] [--rounds 3]
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

import numpy as np  # noqa: E402
from support.boards import add_controls, add_row, make_clips, write_noise_samples  # noqa: E402

from gridkit.leaderboard.samples import shared_clips  # noqa: E402
from gridkit.leaderboard.site.build import Built, build  # noqa: E402

CLIPS_A_SPEAKER = 25
MOST_WALL_S = 10.0
MOST_TABLE_KB = 400
MOST_SHARE = 0.1


class Run(NamedTuple):
    """One build."""

    wall_s: float
    cpu_s: float
    files: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        board, larger = folder / "board", folder / "larger"
        make_board(board, given.systems)
        shutil.copytree(board, larger)
        make_row(larger, given.systems)
        row_kb = size_kb(board, "**/samples/*") / given.systems
        print(f"{given.systems} systems, samples of {row_kb:.0f} KB a row", flush=True)
        whole, again, table_kb = rounds(board, larger, folder / "site", given.rounds)
    report("whole site", whole)
    report("one more row", again)
    wall = statistics.median(run.wall_s for run in whole)
    share = statistics.median(two.cpu_s / one.cpu_s for one, two in zip(whole, again, strict=True))
    wall_share = statistics.median(
        two.wall_s / one.wall_s for one, two in zip(whole, again, strict=True)
    )
    print(f"whole site    {wall / MOST_WALL_S:.2f} of {MOST_WALL_S:.0f} s")
    print(f"one more      {share:.3f} of the whole in CPU time, {wall_share:.3f} in wall time; "
          f"at most {MOST_SHARE}")  # fmt: skip
    print(f"table page    {table_kb:.0f} KB, {table_kb / MOST_TABLE_KB:.2f} of {MOST_TABLE_KB} KB")


def make_board(board: Path, systems: int) -> None:
    board.mkdir()
    shutil.copy(REPOSITORY / "leaderboard/reported.tsv", board)
    add_controls(board, make_clips(0.5, each=CLIPS_A_SPEAKER))
    for place in range(systems):
        make_row(board, place)


def make_row(board: Path, place: int) -> None:
    rng = np.random.default_rng(place)
    clips = make_clips(float(rng.uniform(0.3, 0.85)), seed=place, each=CLIPS_A_SPEAKER)
    ids = [clip.id for clip in clips]
    folder = add_row(
        board,
        f"system-{place}",
        clips,
        status=("reproduced", "rescored")[place % 2],
        latency_ms=float(np.exp(rng.uniform(1.5, 6))),
        device=("CPU", "GPU", "old CPU")[place % 3],
    )
    shown = rng.choice(ids, 3, replace=False).tolist()
    write_noise_samples(folder, shown, shared_clips(ids), place)


def rounds(board: Path, larger: Path, site: Path, count: int) -> tuple[list[Run], list[Run], float]:
    """Return the runs of both kinds, and the size of the page with the tables."""
    build(board, site)
    whole, again = [], []
    for _ in range(count):
        shutil.rmtree(site)
        whole.append(timed(lambda: build(board, site)))
        again.append(timed(lambda: build(larger, site)))
    return whole, again, size_kb(site, "index.html")


def timed(work: Callable[[], Built]) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    built = work()
    return Run(time.perf_counter() - wall, time.process_time() - cpu, len(built.written))


def report(what: str, runs: Sequence[Run]) -> None:
    wall = spread([one.wall_s for one in runs])
    cpu = spread([one.cpu_s for one in runs])
    print(f"{what:12}  wall {wall}  cpu {cpu}  {runs[0].files} files written", flush=True)


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def size_kb(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern)) / 1e3


if __name__ == "__main__":
    main()

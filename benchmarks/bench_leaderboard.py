"""The site of a leaderboard of 200 systems, built and built again with one more; and a check.

The board is made up: 100 clips of 4 speakers a row, and samples of the size that real ones have.
Both builds are of the same process, its modules loaded; rounds alternate. CPU time is beside wall
time, as other work on the machine slows the latter alone.

Then a submission of sounds is verified, and its predictions are scored as `gridkit evaluate` does;
rounds alternate, on two cores. What either keeps in the cache for all systems of a split
(transcripts of the recordings, their likeness by chance) is there before. The clips are made-up
voices, or those of --data and --result.

    python benchmarks/bench_leaderboard.py [--systems 200] [--rounds 3] [--clips 40]
        [--data DIR --result RESULT]
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from support import small_corpus  # noqa: E402
from support.boards import add_controls, add_row, make_clips, write_noise_samples  # noqa: E402
from support.signals import make_voice  # noqa: E402

from gridkit.corpus.codes import ranked_ids  # noqa: E402
from gridkit.corpus.splits import Split  # noqa: E402
from gridkit.evaluation.options import Options  # noqa: E402
from gridkit.evaluation.predictions.files import PredictionWriter  # noqa: E402
from gridkit.evaluation.predictions.records import Prediction  # noqa: E402
from gridkit.evaluation.run import evaluate  # noqa: E402
from gridkit.evaluation.subset import Subset, open_subset  # noqa: E402
from gridkit.evaluation.systems.spec import parse_model  # noqa: E402
from gridkit.leaderboard.board import Known  # noqa: E402
from gridkit.leaderboard.model_card import ModelCard  # noqa: E402
from gridkit.leaderboard.samples import shared_clips  # noqa: E402
from gridkit.leaderboard.site.build import Built, build  # noqa: E402
from gridkit.leaderboard.submission import Address  # noqa: E402
from gridkit.leaderboard.submit import write_submission  # noqa: E402
from gridkit.leaderboard.verify import verify  # noqa: E402
from gridkit.media.codecs import encode_flac  # noqa: E402
from gridkit.results.files import read_result  # noqa: E402
from gridkit.store.reader import open_corpus  # noqa: E402

CLIPS_A_SPEAKER = 25
MOST_WALL_S = 10.0
MOST_TABLE_KB = 400
MOST_SHARE = 0.1
MOST_VERIFY = 1.2
CORES = 2
WRONG_VOICE = 1000
"""Seeds of the sounds that are submitted, which are of other voices."""


class Run(NamedTuple):
    """One build."""

    wall_s: float
    cpu_s: float
    files: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--data", type=Path, help="a prepared corpus")
    parser.add_argument("--result", type=Path, help="of a video-to-speech system on it")
    given = parser.parse_args()
    if given.systems:
        bench_site(given.systems, given.rounds)
    if given.clips or given.data:
        bench_check(given.clips, given.rounds, given.data, given.result)


def bench_site(systems: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        board, larger = folder / "board", folder / "larger"
        make_board(board, systems)
        shutil.copytree(board, larger)
        make_row(larger, systems)
        row_kb = size_kb(board, "**/samples/*") / systems
        print(f"{systems} systems, samples of {row_kb:.0f} KB a row", flush=True)
        whole, again, table_kb = rounds(board, larger, folder / "site", count)
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


def bench_check(clips: int, count: int, data: Path | None, result: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if data is None or result is None:
            data, predictions = make_voices(folder, clips)
            subset = open_subset(open_corpus(data), "voices")
            result = folder / "result"
            score(predictions, subset, result)
        else:
            split = str(read_result(result).split_name)
            subset = open_subset(open_corpus(data), f"{split}:test")
        address = Address("lab", "voice", "v1", "v2s", subset.split.name)
        card = ModelCard("Voice", ("A. Author",), "MIT", ("s1",))
        submitted = write_submission(result, folder / "submissions", address, card)

        def check(work: Path) -> None:
            found = verify(submitted, subset.corpus, work, Known({}, {}), workers=CORES)
            assert found.scored is not None, found.verdict

        check(folder / "first")  # fills the cache
        runs = []
        for place in range(count):
            scoring = measured(partial(score, result, subset, folder / f"scored-{place}"))
            checking = measured(partial(check, folder / f"checked-{place}"))
            runs.append((scoring, checking))
            print(f"scored   {scoring}\nverified {checking}", flush=True)
    for what in ("wall_s", "cpu_s"):
        shares = [getattr(two, what) / getattr(one, what) for one, two in runs]
        print(f"verify        {statistics.median(shares):.2f} ({min(shares):.2f} to "
              f"{max(shares):.2f}) of what scoring takes in {what[:-2]} time, {len(subset.ids)} "
              f"clips, {CORES} processes; at most {MOST_VERIFY}")  # fmt: skip


class Cost(NamedTuple):
    """What some work took, in all of its processes."""

    wall_s: float
    cpu_s: float
    own_s: float
    """Of the CPU time, that of this process: what other cores cannot share."""

    def __str__(self) -> str:
        return (
            f"{self.wall_s:.1f} s, CPU {self.cpu_s:.1f} s, {self.own_s:.1f} s of it in one process"
        )


def measured(work: Callable[[], None]) -> Cost:
    """Measure work and the processes that it starts, which are asked while they live."""
    of_children: dict[int, float] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    times = child.cpu_times()
                    of_children[child.pid] = times.user + times.system

    watching = threading.Thread(target=watch)
    watching.start()
    wall, own = time.perf_counter(), time.process_time()
    work()
    wall, own = time.perf_counter() - wall, time.process_time() - own
    done.set()
    watching.join()
    return Cost(wall, own + sum(of_children.values()), own)


def score(predictions: Path, subset: Subset, out: Path) -> None:
    options = Options(timed=False, workers=CORES)
    evaluate(parse_model(f"predictions:{predictions}"), subset, out, options)


def make_voices(folder: Path, count: int) -> tuple[Path, Path]:
    """Write a corpus of voices, each of its own pitch, and predictions of others."""
    ids = sorted(ranked_ids("s1")[:count])
    writer = PredictionWriter(folder / "given")
    clips = []
    for place, clip in enumerate(ids):
        sound = encode_flac(make_voice(place, 90 + 3 * place))
        clips.append(replace(small_corpus.make_clip(clip, ("mouth96",)), audio_flac=sound))
        other = make_voice(WRONG_VOICE + place, 95 + 2 * place)
        writer.add(Prediction(clip, samples=other))
    writer.finish()
    split = Split("voices", dict.fromkeys(ids, "test"), False, "voices")
    small_corpus.write_corpus(folder / "corpus", clips, profiles=("mouth96",), imported=[split])
    return folder / "corpus", folder / "given"


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

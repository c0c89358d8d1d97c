"""Reading crops through `datasets` against their decoder alone, and what publishing sends.

The decoder is PyAV on one thread, frames and nothing else. Alone, it gets the same bytes from
memory. Through `datasets`, they come from the corpus's files, which the operating system has in its
cache. Opening is timed apart. Rounds alternate, so that other work on the machine slows all of
them; ratios are medians of wall time.

The corpus is published to a Hub on the loopback (tests/support/hub/server.py), over plain LFS.

    python benchmarks/bench_publish.py [--corpus DIR] [--clips 200] [--rounds 5]
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import av
from datasets import disable_progress_bars, load_dataset

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.hub.server import HubServer, serve  # noqa: E402

from gridkit.corpus.codes import ranked_ids, split_id  # noqa: E402
from gridkit.corpus.records import FRAMES  # noqa: E402
from gridkit.prepare.pipeline import Request, prepare_corpus  # noqa: E402
from gridkit.prepare.request import make_settings  # noqa: E402
from gridkit.publish.journal import JOURNAL_NAME  # noqa: E402
from gridkit.store.reader import open_corpus  # noqa: E402

GRID = Path(os.environ.get("GRIDKIT_GRID", REPOSITORY / "../shared/grid"))
REPO = "lab/grid"
TARGET = 1.20
ALONE = "decoder alone"


class Run(NamedTuple):
    """One way of reading, in one round."""

    once_s: float
    """Opening."""
    clip_s: float
    cpu_s: float
    """Of all threads, per clip."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="a prepared corpus; else one is made")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "corpus"
        if given.corpus is None:
            make_corpus(folder, given.clips)
        else:
            shutil.copytree(given.corpus, folder)
            (folder / JOURNAL_NAME).unlink(missing_ok=True)
        bench_reading(folder, given.clips, given.rounds, Path(name) / "cache")
        bench_publishing(folder, Path(name))


def make_corpus(folder: Path, clips: int) -> None:
    """Prepare clips of s1 from GRID."""
    source = folder.parent / "source"
    source.mkdir()
    there = {path.stem: path for path in GRID.rglob("*.mpg")}
    codes = [split_id(clip)[1] for clip in ranked_ids("s1")]
    for code in [code for code in codes if code in there][:clips]:
        (source / f"{code}.mpg").symlink_to(there[code].resolve())
    prepare_corpus(
        Request(
            folder, source, "grid", make_settings(()), alignments=GRID / "alignments.zip", workers=2
        )
    )


def bench_reading(folder: Path, clips: int, rounds: int, cache: Path) -> None:
    profile = sorted(open_corpus(folder).file.profiles)[0]
    column = f"crop_{profile}"

    def map_style() -> Iterable[dict]:
        table = load_dataset(str(folder), split="clips", cache_dir=str(cache), columns=[column])
        return table.select(range(min(clips, table.num_rows)))

    def streaming() -> Iterable[dict]:
        return load_dataset(str(folder), split="clips", streaming=True, columns=[column]).take(
            clips
        )

    started = time.perf_counter()
    crops = [row[column]["bytes"] for row in map_style()]
    first_s = time.perf_counter() - started
    ways: dict[str, Callable[[], Iterable[dict]]] = {
        ALONE: lambda: [{column: {"bytes": crop}} for crop in crops],
        "datasets, map-style": map_style,
        "datasets, streaming": streaming,
    }
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(timed(way, column, len(crops)))
    print(f"\n{len(crops)} crops {profile}, {rounds} rounds\n")
    print(f"{'':20} {'once, s':>8} {'ms/clip':>9} {'CPU ms':>7} {'ratio':>6}")
    for name, times in runs.items():
        pairs = zip(times, runs[ALONE], strict=True)
        ratio = statistics.median(run.clip_s / alone.clip_s for run, alone in pairs)
        once_s, clip_s, cpu_s = (statistics.median(column) for column in zip(*times, strict=True))
        met = "" if name == ALONE else f"  at most {TARGET}: {'yes' if ratio <= TARGET else 'NO'}"
        print(f"{name:20} {once_s:8.2f} {1e3 * clip_s:9.2f} {1e3 * cpu_s:7.2f} {ratio:6.2f}{met}")
    print(f"the very first map-style load, which fills the cache of `datasets`: {first_s:.1f} s")


def timed(way: Callable[[], Iterable[dict]], column: str, clips: int) -> Run:
    """Open a corpus in one way, and decode its crops."""
    opened = time.perf_counter()
    rows = way()
    started, cpu_s = time.perf_counter(), time.process_time()
    read = sum(decode(row[column]["bytes"]) == FRAMES for row in rows)
    ended, cpu_s = time.perf_counter(), time.process_time() - cpu_s
    assert read == clips, f"{read} of {clips} crops have {FRAMES} frames"
    return Run(started - opened, (ended - started) / clips, cpu_s / clips)


def decode(mp4: bytes) -> int:
    """Return how many frames a crop has, all decoded."""
    with av.open(io.BytesIO(mp4)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def bench_publishing(folder: Path, home: Path) -> None:
    """Publish twice, and compare the bytes that arrived with those on the disk."""
    hub, server = serve(home / "hf-home")
    first_s, second_s = (publish(folder, hub) for _ in range(2))
    uploads = [request for request in hub.requests("upload") if request.status == 200]
    sent = sum(request.received_bytes for request in uploads)
    there = hub.repo(REPO).find("main")
    assert there is not None
    large = {path for path, file in there.files.items() if file.large}
    on_disk = sum((folder / path).stat().st_size for path in large)
    same = sum((folder / path).read_bytes() == there.files[path].body for path in large)
    equal = "equal" if sent == on_disk else "NOT EQUAL"
    print(f"\npublished {len(there.files) - 1} files in {first_s:.1f} s, most of it the check")
    print(f"bytes sent {sent:,}, bytes on disk {on_disk:,}: {equal}")
    print(f"{same} of {len(large)} large files are the prepared bytes; nothing is encoded again")
    print(f"a second run sends nothing, in {second_s:.1f} s")
    server.shutdown()


def publish(folder: Path, hub: HubServer) -> float:
    """Run the command; return its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "gridkit.cli.main", "publish", str(folder), "--repo", REPO]
    answer = subprocess.run(
        [*command, "--json"],
        env=hub.environment(),
        check=True,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    assert json.loads(answer.stdout)["commit"]
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

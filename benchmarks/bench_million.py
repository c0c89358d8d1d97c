"""A corpus of a million clips, in metadata: what ends a run, and what reads the corpus afterwards.

Rows are made up, and every clip has the same small media, so that the files are few gigabytes and
everything besides media is as in a real corpus: 20,000 speakers, 20,000 shards, a record and
manifest rows for each, two splits that hold every clip. Each step is a process of its own; its
memory is its ru_maxrss, that of a whole process with all its imports.

    python benchmarks/bench_million.py [--speakers 20000] [--clips 50] [--folder DIR]

With --folder what was made stays, and is used again.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

MOST_MEMORY_GB = 2.0

MAKE = """
from support.metadata_corpus import MadeUp, write_state
write_state(folder / ".gridkit", MadeUp(speakers, clips))
"""
MERGE = """
from support.metadata_corpus import MadeUp, finish
print(f"{finish(folder, MadeUp(speakers, clips)).counts.kept:,} clips", end="")
"""
INFO = """
from gridkit.store.info import corpus_info
info = corpus_info(folder)
print(f"{len(info.file.shards):,} shards, {info.total_bytes / 1e9:.1f} GB", end="")
"""
VALIDATE = """
from gridkit.store.validate import validate
report = validate(folder, decode=False)
assert not report.findings, report.findings[:3]
print(f"{report.clips:,} clips, {len(report.findings)} findings", end="")
"""
MANIFEST = """
from gridkit.store.corpus_file import read_corpus_file
from gridkit.store.manifest import MANIFEST_NAME, read_manifest, write_manifest
file = read_corpus_file(folder)
manifest = read_manifest(folder / MANIFEST_NAME)
digest = write_manifest(folder / "again.parquet", manifest, tuple(file.splits))
assert digest == file.manifest_sha256
print(f"{len(manifest):,} rows, {(folder / 'again.parquet').stat().st_size / 1e6:.0f} MB", end="")
(folder / "again.parquet").unlink()
"""
SPLITS = """
from gridkit.store.reader import open_corpus
corpus = open_corpus(folder)
counts = {split.name: split.counts() for split in corpus.splits}
clips = sum(sum(of.values()) for name, of in counts.items() if "synthetic" in name)
print(f"{clips:,} clips in 2 splits", end="")
"""
OPEN = """
import gridkit
corpus = gridkit.open_corpus(folder)
row = corpus.stored.row(f"x{speakers}/{corpus.stored.manifest[0].code}", ["id", "text"])
print(f"{len(corpus):,} clips; {row['id']} {row['text']}", end="")
"""
SELECT = """
from gridkit.evaluation.subset import open_subset
from gridkit.store.reader import open_corpus
subset = open_subset(open_corpus(folder), "synthetic-unseen:test")
print(f"{len(subset.ids):,} clips of synthetic-unseen:test", end="")
"""
STEPS = {
    "merge": MERGE,
    "info": INFO,
    "validate --fast": VALIDATE,
    "manifest": MANIFEST,
    "splits": SPLITS,
    "open": OPEN,
    "select": SELECT,
}


class Spent(NamedTuple):
    """What a step took."""

    wall_s: float
    cpu_s: float
    memory_gb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speakers", type=int, default=20_000)
    parser.add_argument("--clips", type=int, default=50, help="of each speaker")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", choices=STEPS, action="append")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    try:
        if not (folder / ".gridkit").exists() and not (folder / "corpus.json").exists():
            show("make it", run(MAKE, folder, given.speakers, given.clips))
        steps = [name for name in STEPS if not given.only or name in given.only]
        spent = [step(name, folder, given.speakers, given.clips) for name in steps]
    finally:
        if given.folder is None:
            shutil.rmtree(folder)
    most = max(one.memory_gb for one in spent)
    print(f"most memory      {most:.2f} GB, {most / MOST_MEMORY_GB:.2f} of {MOST_MEMORY_GB:.0f} GB")


def step(name: str, folder: Path, speakers: int, clips: int) -> Spent:
    spent = run(STEPS[name], folder, speakers, clips)
    show(name, spent)
    return spent


def run(code: str, folder: Path, speakers: int, clips: int) -> Spent:
    """Run code in a process of its own.

    Raises:
        SystemExit: it failed.
    """
    start = (
        f"import sys; sys.path[:0] = {sys.path[:2]!r}\nfrom pathlib import Path\n"
        f"folder, speakers, clips = Path({str(folder)!r}), {speakers}, {clips}\n"
    )
    start_s = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", start + code], os.environ)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"a step failed with status {os.waitstatus_to_exitcode(status)}")
    wall_s = time.perf_counter() - start_s
    return Spent(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9)


def show(name: str, spent: Spent) -> None:
    print(
        f"\r{name:16} {spent.wall_s:7.1f} s ({spent.cpu_s:.1f} s CPU), {spent.memory_gb:.2f} GB",
        flush=True,
    )


if __name__ == "__main__":
    main()

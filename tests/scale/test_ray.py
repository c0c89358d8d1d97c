"""Prepare on a Ray cluster of two machines of one core, whatever happens to them.

The cluster runs on this machine, in a network that has nothing but its own address.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridkit.evaluation.options import Options
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.prepare import plan
from gridkit.prepare.journal import Journal
from gridkit.results.files import CLIPS_FILE, RESULT_FILE
from gridkit.store.reader import open_corpus

pytest.importorskip("ray")
pytestmark = pytest.mark.scale

SPLIT = "synthetic-seen:train"
TESTS = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("ray_faults.py")


MODEL = """
import time
import numpy as np
class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000
    def __call__(self, frames):
        time.sleep(1)
        light = frames.astype(float).mean(axis=(1, 2))
        return np.repeat(0.01 * (light - light.mean()), 640).astype(np.float32)
def load(device): return System()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A system that takes its time."""
    path = tmp_path_factory.mktemp("model") / "slow.py"
    path.write_text(MODEL)
    return path


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of these tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def faults(synthetic_source, synthetic_corpus, model, cache, tmp_path_factory):
    """What became of a run, by what happened to it."""
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        pytest.skip("no network of one's own may be made here (unshare -n)")
    folder = tmp_path_factory.mktemp("ray")
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    given = map(str, (SCRIPT, folder, synthetic_source, synthetic_corpus, model))
    done = subprocess.run(
        ["unshare", "-n", sys.executable, *given],
        env={**os.environ, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stdout + done.stderr
    said = {fault["fault"]: fault for fault in map(json.loads, lines)}
    print(*lines, sep="\n")
    return folder, said


@pytest.fixture(scope="module")
def in_one_run(synthetic_source, tmp_path_factory):
    """The corpus in batches of one clip, made by one run here."""
    from support.executors import Here

    from gridkit.prepare.pipeline import Request, prepare_corpus
    from gridkit.prepare.request import make_settings

    folder = tmp_path_factory.mktemp("one-run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "CLIPS_PER_SHARD", 1)
        request = Request(folder, synthetic_source, "talking", make_settings(()))
        prepare_corpus(request, executor=Here())
    return folder


def contents(corpus: Path) -> dict[str, bytes]:
    return {
        path.relative_to(corpus).as_posix(): path.read_bytes()
        for path in sorted(corpus.rglob("*"))
        if path.is_file() and path.name != ".gridkit-lock"
    }


@pytest.mark.parametrize("fault", ["nothing", "node killed", "node frozen", "driver killed"])
def test_the_bytes_are_those_of_one_run_here(faults, in_one_run, fault) -> None:
    folder, said = faults
    assert said[fault]["status"] == 0, said[fault]
    assert contents(folder / fault / "corpus") == contents(in_one_run)


def test_each_batch_is_made_once_where_nothing_happens(faults) -> None:
    assert faults[1]["nothing"]["begun"] == 8


@pytest.mark.parametrize("fault", ["node killed", "node frozen"])
def test_what_the_lost_machine_did_is_done_again(faults, fault) -> None:
    assert 8 < faults[1][fault]["begun"] <= 8 + 2


def test_a_driver_that_was_killed_repeats_no_more_than_was_under_way(faults) -> None:
    fault = faults[1]["driver killed"]
    assert fault["finished"] >= 2
    assert fault["begun"] <= 8 + 2


def test_a_batch_that_always_fails_is_named_and_the_rest_is_done(faults) -> None:
    folder, said = faults
    fault = said["batch always fails"]
    assert fault["status"] == 1
    assert "data/x1-00001.parquet could not be made, clips x1/" in fault["says"]
    assert "was lost" in fault["says"]
    journal = Journal(folder / "batch always fails" / "corpus")
    made = {shard for shard in shards() if journal.record(shard) is not None}
    assert made == set(shards()) - {"data/x1-00001.parquet"}


def shards() -> list[str]:
    return [f"data/x{speaker}-{number:05d}.parquet" for speaker in (1, 2) for number in range(4)]


def test_scores_are_those_of_one_machine_to_the_last_digit(
    faults, synthetic_corpus, model, tmp_path
) -> None:
    """A machine was killed while the system was asked."""
    folder, said = faults
    assert said["evaluation"]["status"] == 0, said["evaluation"]
    subset = open_subset(open_corpus(synthetic_corpus), SPLIT)
    here = evaluate(parse_model(str(model)), subset, tmp_path, Options(timed=False, workers=1))
    assert here.result.n == 4
    for name in (CLIPS_FILE, RESULT_FILE):
        there = folder / "evaluation" / "result" / name
        assert there.read_bytes() == (tmp_path / name).read_bytes()

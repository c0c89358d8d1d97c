"""Two small corpora to evaluate on, and systems made from a line of Python."""

import multiprocessing
from multiprocessing import forkserver

import pytest
from support import small_corpus
from support.clip_systems import LIMITS
from support.clip_systems import SYSTEM as CLIP_SYSTEM

from gridkit.compute import local
from gridkit.corpus.splits import grid_split
from gridkit.evaluation.options import Options
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.scoring.scorer import PRELOAD as SCORING
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.prepare import PRELOAD as PREPARING
from gridkit.store.reader import open_corpus

SPLIT = "synthetic-seen"
SYSTEM = """
import os, time
import numpy as np
class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000
    def __call__(self, frames):
        light = frames.astype(float).mean(axis=(1, 2))
        {body}
        return np.repeat(0.01 * (light - light.mean()), 640).astype(np.float32)
def load(device): return System()
"""


@pytest.fixture(scope="session", autouse=True)
def forked():
    """Workers that prepare and that score start at once, from one process that imported both."""
    multiprocessing.set_forkserver_preload([SCORING, PREPARING])
    with local._environment():
        forkserver.ensure_running()


@pytest.fixture(scope="session")
def talking(synthetic_corpus):
    """A prepared corpus of two synthetic speakers with four clips each; not to be changed."""
    return synthetic_corpus


@pytest.fixture(scope="session")
def spoken(talking):
    """The two test clips of `talking`."""
    return open_subset(open_corpus(talking), SPLIT)


@pytest.fixture(scope="session")
def write_corpus():
    """Writes a corpus of tones and blobs, of these ids, speakers in GRID's order."""

    def write(folder, ids):
        small_corpus.write_corpus(folder, [small_corpus.make_clip(clip) for clip in ids])
        return folder

    return write


@pytest.fixture(scope="session")
def made_up(tmp_path_factory, write_corpus):
    """A corpus of tones and blobs: the first 20 test clips of s1, and two train clips."""
    split = grid_split("s1")
    ids = [*split.ids("test")[:20], *split.ids("train")[:2]]
    return write_corpus(tmp_path_factory.mktemp("made-up") / "corpus", ids)


@pytest.fixture
def tones(made_up):
    """The 20 test clips of `made_up`; 80 of the split are missing."""
    return open_subset(open_corpus(made_up), "s1")


@pytest.fixture
def model(tmp_path):
    """Writes a system whose call begins with a line of Python, and returns its path."""

    def write(body="", name="model.py"):
        path = tmp_path / "system" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(SYSTEM.format(body=body))
        return path

    return write


@pytest.fixture
def score(tmp_path, spoken):
    """Evaluates a model on `spoken`, in this test's folder."""

    def run(text, out="result", subset=None, **choices):
        options = Options(**({"timed": False, "workers": 1} | choices))
        return evaluate(parse_model(str(text)), subset or spoken, tmp_path / out, options)

    return run


@pytest.fixture(scope="session")
def hummed(tmp_path_factory, spoken):
    """A finished RESULT of a system on `spoken`; not to be changed."""
    folder = tmp_path_factory.mktemp("hummed")
    (folder / "hum.py").write_text(SYSTEM.format(body="pass"))
    options = Options(timed=False, workers=1)
    return evaluate(parse_model(str(folder / "hum.py")), spoken, folder / "result", options)


@pytest.fixture
def worker_of(tmp_path):
    """A function that gives a worker of a system whose call begins with a line of Python."""
    workers = []

    def make(body="", rate=16_000, limits=LIMITS):
        path = tmp_path / "model.py"
        path.write_text(CLIP_SYSTEM.format(body=body, rate=rate))
        workers.append(Worker(parse_model(str(path)), limits=limits))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()

"""Small corpora for training tests: a made-up one, from the makers of the store's tests, and a
synthetic one whose faces really speak.
"""

import importlib.util
from pathlib import Path

import pytest

SPEAKERS, CLIPS = 6, 32


@pytest.fixture(scope="session")
def made_up_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten clips of s1, of which two test and two validate; gray and colour crops."""
    path = Path(__file__).parent.parent / "store" / "conftest.py"
    spec = importlib.util.spec_from_file_location("store_conftest", path)
    store = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(store)
    folder = tmp_path_factory.mktemp("train") / "corpus"
    store._write_corpus(folder, [store.make_clip(clip) for clip in store.tiny_ids()])
    return folder


@pytest.fixture(scope="session")
def talking_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six synthetic speakers, prepared as a user would, with gray and colour crops."""
    pytest.importorskip("espeakng_loader", reason='needs pip install "gridkit[synth]"')
    pytest.importorskip("skimage", reason='needs pip install "gridkit[synth]"')
    from gridkit.compute.local import usable_cores
    from gridkit.prepare.pipeline import Request, prepare_corpus
    from gridkit.prepare.request import make_settings
    from gridkit.synthesize.corpus import synthesize

    folder = tmp_path_factory.mktemp("talking")
    source, corpus = folder / "source", folder / "corpus"
    synthesize(source, SPEAKERS, CLIPS, seed=0, workers=usable_cores())
    settings = make_settings(("mouth96", "lipnet"))
    prepare_corpus(Request(corpus, source, "talking", settings, workers=usable_cores()))
    return corpus

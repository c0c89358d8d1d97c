"""A small made-up corpus for training tests, from the makers of the store's tests."""

import importlib.util
from pathlib import Path

import pytest


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

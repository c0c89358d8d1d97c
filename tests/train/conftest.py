"""One thread, and a synthetic corpus to train on, whose faces really speak."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

SPEAKERS, CLIPS = 5, 20


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch computes with one thread, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def talking_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five synthetic speakers, prepared as a user would."""
    pytest.importorskip("espeakng_loader", reason='needs pip install "gridkit[synth]"')
    pytest.importorskip("skimage", reason='needs pip install "gridkit[synth]"')
    from gridkit.compute.local import usable_cores
    from gridkit.prepare.pipeline import Request, prepare_corpus
    from gridkit.prepare.request import make_settings
    from gridkit.synthesize.corpus import synthesize

    folder = tmp_path_factory.mktemp("talking")
    source, corpus = folder / "source", folder / "corpus"
    synthesize(source, SPEAKERS, CLIPS, seed=0, workers=usable_cores())
    settings = make_settings(())
    prepare_corpus(Request(corpus, source, "talking", settings, workers=usable_cores()))
    return corpus

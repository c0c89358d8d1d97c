"""A synthetic source and the corpus that is prepared from it, made once for all test processes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from gridkit.prepare.pipeline import Request, prepare_corpus
from gridkit.prepare.request import make_settings

SPEAKERS, CLIPS = 2, 4


@pytest.fixture(scope="session")
def make_once(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder by its name, or takes that of another process of this test run."""
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # a process of pytest-xdist
        base = base.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = base / "shared" / name
        folder.parent.mkdir(exist_ok=True)
        done = folder.with_name(f"{name}.done")
        with FileLock(folder.with_name(f"{name}.lock")):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def synthetic_source(make_once: Callable[..., Path]) -> Path:
    """Two synthetic speakers with four clips each; not to be changed."""
    pytest.importorskip("espeakng_loader", reason='needs pip install "gridkit[synth]"')
    pytest.importorskip("skimage", reason='needs pip install "gridkit[synth]"')
    from gridkit.synthesize.corpus import synthesize

    return make_once(
        "source", lambda folder: synthesize(folder, SPEAKERS, CLIPS, seed=0, workers=1)
    )


@pytest.fixture(scope="session")
def synthetic_corpus(synthetic_source: Path, make_once: Callable[..., Path]) -> Path:
    """The source, prepared with the default profile in one process; not to be changed."""

    def prepare(folder: Path) -> None:
        settings = make_settings(())
        prepare_corpus(Request(folder, synthetic_source, "talking", settings, workers=1))

    return make_once("corpus", prepare)

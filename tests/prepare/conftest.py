"""A small synthetic source, and helpers to prepare and compare corpora."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.executors import Here

from gridkit.compute.executor import Executor
from gridkit.prepare.pipeline import Request, prepare_corpus
from gridkit.prepare.request import make_settings
from gridkit.store.corpus_file import CorpusFile


@pytest.fixture(scope="session")
def talking(synthetic_source: Path) -> Path:
    """A source of two synthetic speakers with four clips each; not to be changed."""
    return synthetic_source


def run_prepare(
    folder: Path,
    source: Path,
    *,
    crops: tuple[str, ...] = (),
    workers: int = 1,
    executor: Executor | None = None,
    **more: object,
) -> CorpusFile:
    """Prepare; in this process where one worker is asked for, which is quick."""
    executor = executor or (Here() if workers == 1 else None)
    request = Request(folder, source, "talking", make_settings(crops), workers=workers, **more)
    return prepare_corpus(request, executor=executor)


@pytest.fixture(scope="session")
def prepare() -> Callable[..., CorpusFile]:
    """Prepares a source into a folder."""
    return run_prepare


@pytest.fixture(scope="session")
def prepared(synthetic_corpus: Path) -> Path:
    """The source `talking`, prepared with the default profile in one process; not to be changed."""
    return synthetic_corpus


def hash_files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".gridkit-lock"
    }


@pytest.fixture(scope="session")
def hashes() -> Callable[[Path], dict[str, str]]:
    """Hashes every file of a corpus."""
    return hash_files


@pytest.fixture
def source(talking: Path, tmp_path: Path) -> Path:
    """A copy of `talking` that a test may change; the copies have the same time stamps."""
    return Path(shutil.copytree(talking, tmp_path / "talking"))

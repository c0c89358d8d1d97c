"""A corpus with rejected clips too, and one of one's own to damage."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import small_corpus

from gridkit.corpus.records import Clip, ManifestRow, Reason, Status
from gridkit.store.corpus_file import CorpusFile


@pytest.fixture(scope="session")
def rejected() -> list[ManifestRow]:
    """A clip with 74 frames, and a file that is not a clip."""
    return [
        ManifestRow(
            "video/s1/lrae3s.mpg",
            "s1/lrae3s",
            "s1",
            "lrae3s",
            Status.REJECTED,
            Reason.FRAME_COUNT,
            "74 frames, not 75",
        ),
        ManifestRow(
            "video/holiday.mpg",
            None,
            None,
            None,
            Status.REJECTED,
            Reason.NOT_A_SENTENCE,
            "holiday is not a GRID code",
        ),
    ]


@pytest.fixture(scope="session")
def clips(small_clips: list[Clip]) -> list[Clip]:
    return small_clips


@pytest.fixture(scope="session")
def clip(clips: list[Clip]) -> Clip:
    return clips[0]


@pytest.fixture(scope="session")
def pristine(
    tmp_path_factory: pytest.TempPathFactory, clips: list[Clip], rejected: list[ManifestRow]
) -> Path:
    """A whole, sound corpus; not to be changed."""
    folder = tmp_path_factory.mktemp("pristine") / "corpus"
    small_corpus.write_corpus(folder, clips, rejected=rejected)
    return folder


@pytest.fixture
def corpus_dir(pristine: Path, tmp_path: Path) -> Path:
    """A corpus of one's own, to be damaged."""
    return Path(shutil.copytree(pristine, tmp_path / "corpus"))


@pytest.fixture(scope="session")
def write_corpus() -> Callable[..., CorpusFile]:
    """Writes a whole corpus into a folder: `write_corpus(folder, clips, ...)`."""
    return small_corpus.write_corpus

"""What each further clip takes in memory, in Python objects: a row as a record takes 2 to 4 KB."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from support.metadata_corpus import MadeUp, finish, write_state

from gridkit.api.corpus import open_corpus
from gridkit.evaluation.subset import open_subset
from gridkit.store.validate import validate

SMALL, LARGE = MadeUp(speakers=10, clips_each=50), MadeUp(speakers=40, clips_each=50)
MORE_CLIPS = 30 * 50
MOST_BYTES = 800


def peak_bytes(work: Callable[[Path, MadeUp], None], folder: Path, made_up: MadeUp) -> int:
    tracemalloc.start()
    try:
        work(folder, made_up)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two sizes of corpus, and what one more clip took at the end of their runs."""
    small, large = (tmp_path_factory.mktemp("made-up") / "corpus" for _ in range(2))
    write_state(small / ".gridkit", SMALL)
    finish(small, SMALL)  # modules are loaded
    write_state(small / ".gridkit", SMALL)
    write_state(large / ".gridkit", LARGE)
    more = peak_bytes(finish, large, LARGE) - peak_bytes(finish, small, SMALL)
    return small, large, more / MORE_CLIPS


def bytes_per_clip(
    work: Callable[[Path, MadeUp], None], corpora: tuple[Path, Path, float]
) -> float:
    small, large, _ = corpora
    work(small, SMALL)
    more = peak_bytes(work, large, LARGE) - peak_bytes(work, small, SMALL)
    return more / MORE_CLIPS


def test_the_end_of_a_run_holds_no_rows(corpora):
    assert corpora[2] < MOST_BYTES


def test_a_check_holds_no_rows(corpora):
    def check(folder: Path, made_up: MadeUp) -> None:
        report = validate(folder, decode=False)
        assert (report.findings, report.clips) == ((), made_up.speakers * made_up.clips_each)

    assert bytes_per_clip(check, corpora) < MOST_BYTES


def test_opening_and_selecting_hold_no_rows(corpora):
    def select(folder: Path, made_up: MadeUp) -> None:
        corpus = open_corpus(folder)
        row = corpus.stored.row(f"{made_up.names[-1]}/{made_up.codes[3]}", ["code"])
        assert row == {"code": made_up.codes[3]}
        ids = open_subset(corpus.stored, "synthetic-unseen:test").ids
        assert len(ids) == made_up.speakers // 4 * made_up.clips_each

    assert bytes_per_clip(select, corpora) < MOST_BYTES

"""Memory for each clip of a large corpus, in Python objects: a row as a record takes 2 to 4 KB."""

import tracemalloc
from collections.abc import Callable

import pytest
from support.metadata_corpus import MadeUp, finish, write_state

from gridkit.api.corpus import open_corpus
from gridkit.evaluation.subset import open_subset
from gridkit.store.validate import validate

LARGE, SMALL = MadeUp(speakers=80, clips_each=50), MadeUp(speakers=2, clips_each=50)
CLIPS = 80 * 50


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A corpus of 4,000 clips; what is loaded once is loaded by one of a fortieth of that size."""
    folders = []
    for made_up in (SMALL, LARGE):
        folders.append(tmp_path_factory.mktemp("made-up") / "corpus")
        write_state(folders[-1] / ".gridkit", made_up)
        finish(folders[-1], made_up)
        validate(folders[-1], decode=False)
    return folders[-1]


def bytes_per_clip(work: Callable[[], None]) -> float:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / CLIPS
    finally:
        tracemalloc.stop()


def test_a_check_holds_no_rows(large):
    def check() -> None:
        report = validate(large, decode=False)
        assert (report.findings, report.clips) == ((), CLIPS)

    assert bytes_per_clip(check) < 1300


def test_opening_and_selecting_hold_no_rows(large):
    def select() -> None:
        corpus = open_corpus(large)
        row = corpus.stored.row(f"{LARGE.names[-1]}/{LARGE.codes[3]}", ["code"])
        assert row == {"code": LARGE.codes[3]}
        assert len(open_subset(corpus.stored, "synthetic-unseen:test").ids) == CLIPS // 4

    assert bytes_per_clip(select) < 600

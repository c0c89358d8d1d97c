"""A small made-up corpus to export; the command is the fixture `gridkit` of the folder above."""

from pathlib import Path

import pytest

from gridkit.store.reader import open_corpus


@pytest.fixture(scope="session")
def corpus_dir(small_corpus):
    return small_corpus


@pytest.fixture(scope="session")
def corpus(corpus_dir):
    return open_corpus(corpus_dir)


@pytest.fixture
def clip_of(corpus):
    """Every clip by its id."""
    return {clip.id: clip for clip in corpus.clips()}


@pytest.fixture
def subset_of(corpus):
    """The split `unseen`'s subset of every clip."""
    return {row.id: row.splits["unseen"] for row in corpus.manifest}


@pytest.fixture
def exported(gridkit, corpus_dir, tmp_path):
    """Export split `unseen`, crop mouth96, in a format; returns the folder."""

    def made(format_name, split="unseen", crop="mouth96"):
        out = tmp_path / format_name
        status, _, err = gridkit(
            "export", corpus_dir, "--format", format_name, "--split", split, "--crop", crop,
            "--out", out,
        )  # fmt: skip
        assert status == 0, err
        return out

    return made


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(name="contents")
def contents_fixture():
    return contents

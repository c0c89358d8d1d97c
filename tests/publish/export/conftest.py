"""A small made-up corpus to export, and the command to do it with."""

import importlib.util
from pathlib import Path

import pytest

from gridkit.cli.main import main
from gridkit.store.reader import open_corpus

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def store():
    """What makes up small corpora: the store's own fixtures, as a module."""
    spec = importlib.util.spec_from_file_location("store_conftest", TESTS / "store/conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def corpus_dir(store, tmp_path_factory):
    """19 clips of s1, s2, s3 and s9 with crops mouth96 and lipnet; not to be changed."""
    folder = tmp_path_factory.mktemp("export") / "corpus"
    store._write_corpus(folder, [store.make_clip(clip) for clip in store.tiny_ids()])
    return folder


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
def run(capsys):
    """Run a command; returns status, output and errors."""

    def ran(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return left.value.code, *capsys.readouterr()

    return ran


@pytest.fixture
def exported(run, corpus_dir, tmp_path):
    """Export split `unseen`, crop mouth96, in a format; returns the folder."""

    def made(format_name, split="unseen", crop="mouth96"):
        out = tmp_path / format_name
        status, _, err = run(
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

"""Small made-up corpora, and a repository on the loopback Hub to publish them to."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.small_corpus import write_corpus

from gridkit.cli.main import main
from gridkit.publish.comparison import Target

REPO = "lab/grid"


@pytest.fixture(scope="session")
def clips(small_clips):
    """Eight clips of s1, s2, s3 and s9, with crops `mouth96` and `lipnet`."""
    return [*small_clips[:2], *small_clips[10:16]]


@pytest.fixture(scope="session")
def pristine(clips, tmp_path_factory):
    """A sound corpus of four shards; not to be changed."""
    folder = tmp_path_factory.mktemp("publish") / "corpus"
    write_corpus(folder, clips)
    return folder


@pytest.fixture
def corpus_dir(pristine, tmp_path):
    """A corpus of one's own."""
    return Path(shutil.copytree(pristine, tmp_path / "corpus"))


@pytest.fixture(autouse=True)
def _without_waiting(request, monkeypatch):
    if "hub_server" in request.fixturenames:
        waits_s = request.getfixturevalue("hub_server").waits_s
        monkeypatch.setattr("gridkit.hub.commits.time", SimpleNamespace(sleep=waits_s.append))


@pytest.fixture
def target():
    return Target(REPO)


@pytest.fixture
def gridkit(capsys):
    """Run a command; returns status, output and errors."""

    def ran(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        return left.value.code, *capsys.readouterr()

    return ran


@pytest.fixture
def publish(gridkit, corpus_dir, hub_server):
    """Publish the corpus by the command, which has to go well; returns its JSON."""

    def published(*options, folder=corpus_dir):
        status, out, err = gridkit(
            "publish", folder, "--repo", REPO, "--json", "--workers", 1, *options
        )
        assert status == 0, err
        return json.loads(out)

    return published


@pytest.fixture
def refused(gridkit, corpus_dir, hub_server):
    """Publish the corpus, which has to be refused in one line; returns it and the status."""

    def line(*options, folder=corpus_dir, repo=REPO):
        status, out, err = gridkit("publish", folder, "--repo", repo, "--workers", 1, *options)
        lines = [text for text in err.splitlines() if text.startswith("gridkit: ")]
        assert (out, len(lines)) == ("", 1), err
        assert err.splitlines()[-1] == lines[0]
        assert "Traceback" not in err
        return status, lines[0]

    return line

"""Model and corpus both on the Hub: evaluated, and trained on, as from folders."""

import json
import shutil
from pathlib import Path

import pytest
from support.hub.server import HubServer
from support.small_corpus import make_clip, write_corpus

from gridkit.cli.main import main
from gridkit.corpus.splits import grid_split

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up corpus of two clips of each subset of s1 and the crop mouth96."""
    split = grid_split("s1")
    ids = [clip for subset in ("train", "val", "test") for clip in split.ids(subset)[:2]]
    folder = tmp_path_factory.mktemp("hub") / "corpus"
    clips = [make_clip(clip, ["mouth96"]) for clip in sorted(ids)]
    write_corpus(folder, clips, profiles=["mouth96"])
    return folder


@pytest.fixture
def hub(hub_server: HubServer, corpus: Path, tmp_path: Path, monkeypatch) -> HubServer:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    hub_server.create_repo("lab/grid")
    hub_server.commit_folder("lab/grid", corpus)
    hub_server.create_repo("lab/lipnet", "model")
    hub_server.commit_folder("lab/lipnet", RECIPES / "lipnet-s1", type="model")
    return hub_server


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def evaluate(capsys, data: str, *more: str) -> dict:
    model = ("--model", "hf:lab/lipnet@main", "--decoding", "greedy")
    options = ("--no-timing", "--no-controls", "--allow-missing", "--json")
    status, out, err = run(
        capsys, "evaluate", *model, "--data", data, "--split", "s1", *options, *more
    )
    assert status == 0, err
    return json.loads(out)


def test_a_system_and_a_corpus_of_the_hub(hub: HubServer, corpus: Path, capsys) -> None:
    result = evaluate(capsys, "hf:lab/grid")
    model = hub.repo("lab/lipnet", "model").refs["refs/heads/main"]
    assert result["system"]["revision"] == model
    assert result["n"] == 2
    seen = len(hub.requests("resolve"))
    assert seen > 0
    again = evaluate(capsys, "hf:lab/grid@main", "--out", "again")
    assert len(hub.requests("resolve")) == seen  # both are kept
    here = evaluate(capsys, str(corpus), "--out", "here")
    assert again["metrics"] == here["metrics"] == result["metrics"]
    assert here["corpus"] == result["corpus"]


def test_code_from_the_hub_is_not_run_unasked(hub: HubServer, capsys) -> None:
    hub.commit("lab/lipnet", {"extra.py": b"raise SystemExit"}, type="model")
    status, out, err = run(
        capsys,
        "evaluate",
        "--model",
        "hf:lab/lipnet@main",
        "--data",
        "hf:lab/grid",
        "--split",
        "s1",
    )
    assert (status, out) == (3, "")
    assert "carries code (extra.py); read it, then run again with --trust-remote-code" in err
    assert evaluate(capsys, "hf:lab/grid", "--trust-remote-code")["n"] == 2


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        ("hf:lab/none@v1", 5, "hf:lab/none@v1: no such repository"),
        ("hf:lab/grid@v9", 5, "hf:lab/grid@v9: no such revision"),
        ("hf:grid", 2, "--data hf:grid: expected hf:ORG/NAME@REVISION"),
        ("nowhere", 3, "nowhere: no such folder"),
    ],
)
def test_a_corpus_that_is_not_there_is_one_line(
    hub: HubServer, capsys, data: str, status: int, says: str
) -> None:
    for command in (
        ("evaluate", "--model", "control:silence", "--split", "s1"),
        ("train", str(RECIPES / "lipnet-s1"), "--out", "run"),
    ):
        got, out, err = run(capsys, *command, "--data", data)
        assert (got, out) == (status, "")
        assert says in err
        assert err.count("\n") == 1


def test_training_reads_a_corpus_of_the_hub(hub: HubServer, capsys, tmp_path: Path) -> None:
    shutil.copytree(RECIPES / "lipnet-s1", tmp_path / "recipe")
    arguments = ("train", "recipe", "--data", "hf:lab/grid", "--out", "run")
    status, out, err = run(capsys, *arguments, "--export-cache", "clips.pack")
    assert status == 0, err
    assert "clips.pack: 4 clips" in out  # train and val, never the test clips

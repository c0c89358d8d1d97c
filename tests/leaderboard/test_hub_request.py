"""A submission as a pull request on the Hub: all of it in one commit, or nothing."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from leaderboard.conftest import CARD
from support.hub.server import READER_TOKEN, WRITER_TOKEN, Fault

from gridkit.cli.main import main
from gridkit.leaderboard.model_card import card_to_json

BOARD = "lab/board"
PLACE = "leaderboard/submissions/lab__voice/v1/v2s-six"


@pytest.fixture
def board(hub_server, monkeypatch):
    """A board on the Hub, and a stranger's token, who may not write to it."""
    hub_server.create_repo(BOARD)
    hub_server.commit(BOARD, {"README.md": b"a board"})
    monkeypatch.setenv("HF_TOKEN", READER_TOKEN)
    sleep = SimpleNamespace(sleep=hub_server.waits_s.append)
    monkeypatch.setattr("gridkit.hub.commits.time", sleep)
    return hub_server


@pytest.fixture
def submit(capsys, honest_result, tmp_path, monkeypatch):
    """Proposes the honest result by the command; gives its status, output and errors."""
    monkeypatch.chdir(tmp_path)
    card = tmp_path / "card.json"
    card.write_text(card_to_json(CARD))

    def run(*more, board=BOARD):
        name = ("--org", "lab", "--model", "voice", "--revision", "v1", "--card", card)
        with pytest.raises(SystemExit) as end:
            main(list(map(str, ("submit", honest_result, *name, "--pull-request", board, *more))))
        out, err = capsys.readouterr()
        assert READER_TOKEN not in out + err
        assert WRITER_TOKEN not in out + err
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] in ([], ["hf-home"])
        return end.value.code, out, err

    return run


def requests_of(hub):
    return sorted(ref for ref in hub.repo(BOARD).refs if ref.startswith("refs/pr/"))


def test_a_stranger_proposes_a_whole_submission_which_can_be_checked(
    submit, board, check, tmp_path
):
    status, out, err = submit()
    assert status == 0, err
    assert f"/datasets/{BOARD}/discussions/1 (opened)" in out
    assert board.files(BOARD).keys() == {".gitattributes", "README.md"}
    there = board.files(BOARD, "refs/pr/1")
    names = {name.removeprefix(f"{PLACE}/") for name in there if name.startswith(PLACE)}
    assert names == {
        "model.json",
        "result.json",
        "timing.json",
        "clips.jsonl.gz",
        "predictions.json",
        "predictions.parquet",
    }
    for name in names:
        path = tmp_path / "fetched" / PLACE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(there[f"{PLACE}/{name}"])
    checked = check(tmp_path / "fetched" / PLACE)
    assert (checked.verdict.status, checked.submission.card) == ("rescored", CARD)


def test_a_second_run_finds_the_request_of_the_first(submit, board):
    submit()
    status, out, _ = submit()
    assert (status, "discussions/1 (open already, with these very files)" in out) == (0, True)
    assert len(board.requests("commit")) == 1
    board.repo(BOARD).closed["refs/pr/1"] = "closed"
    assert "discussions/2 (opened)" in submit()[1]
    board.merge(BOARD, 2)
    status, _, err = submit()
    assert (status, "is another revision" in err) == (3, True)
    assert requests_of(board) == ["refs/pr/1", "refs/pr/2"]


def test_a_request_with_other_files_is_another_one(submit, board, tmp_path):
    submit()
    (tmp_path / "card.json").write_text(card_to_json(replace(CARD, licence="another")))
    assert "discussions/2 (opened)" in submit()[1]


def test_a_request_whose_answer_was_lost_is_not_opened_twice(submit, board):
    board.fail("commit", Fault(loses_answer=True), times=None)
    assert submit()[0] == 5
    board.heal()
    opened = requests_of(board)
    assert "open already" in submit()[1]
    assert requests_of(board) == opened


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("upload", Fault(cut_after_bytes=1000)),
        ("preupload", Fault(status=500)),
        ("commit", Fault(status=403, message="no pull requests here")),
        ("commit", Fault(status=429, headers={"Retry-After": "3600"})),
    ],
)
def test_a_hub_that_refuses_leaves_nothing_half_submitted(submit, board, route, fault):
    board.fail(route, fault, times=None)
    status, out, err = submit()
    assert (status, out, requests_of(board)) == (5, "", [])
    assert err.splitlines()[-1].startswith(f"gridkit: hf:{BOARD}: ")
    board.heal()
    assert submit()[0] == 0
    assert requests_of(board) == ["refs/pr/1"]


def test_what_cannot_be_proposed_is_one_line_before_anything_is_sent(submit, board, monkeypatch):
    status, _, err = submit(board="lab/none")
    assert (status, "hf:lab/none: no such repository" in err) == (5, True)
    status, _, err = submit(board="nonsense/a/b")
    assert (status, err.count("\n")) == (2, 1)
    status, _, err = submit("--branch")
    assert (status, "exclude each other" in err) == (2, True)
    status, out, _ = submit("--dry-run")
    assert (status, out) == (
        0,
        f"hf:{BOARD}, a pull request: 6 clips of Honest voice; nothing written\n",
    )
    board.commit(BOARD, {f"{PLACE}/model.json": b"{}"})
    status, _, err = submit()
    assert (status, "is another revision" in err) == (3, True)
    monkeypatch.delenv("HF_TOKEN")
    status, _, err = submit()
    assert (status, "no token for the Hub" in err) == (5, True)
    assert board.requests("commit") == board.requests("preupload") == []


def test_predictions_that_lie_elsewhere_are_not_sent_again(submit, board, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", WRITER_TOKEN)
    status, _, err = submit("--upload", "someone/outputs")
    assert status == 0, err
    there = board.files(BOARD, "refs/pr/1")
    assert f"{PLACE}/predictions.parquet" not in there
    uri = json.loads(there[f"{PLACE}/predictions.json"])["uri"]
    assert uri.startswith("hf:someone/outputs@")

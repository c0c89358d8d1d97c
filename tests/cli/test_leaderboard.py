"""`gridkit submit` and `gridkit leaderboard`, as a stranger meets them: on synthetic clips."""

import json

import pytest

from gridkit.cli.main import main
from gridkit.leaderboard.samples import read_samples

CARD = {"schema": 1, "name": "Noise", "authors": ["A"], "licence": "MIT", "training_speakers": []}


@pytest.fixture
def run(capsys):
    """Runs a command; gives its status, output and errors."""

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return (end.value.code, *capsys.readouterr())

    return call


def test_from_a_result_to_a_row_on_synthetic_clips(run, tmp_path, synthetic_corpus, monkeypatch):
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    data = ("--data", synthetic_corpus)
    noise, mine = tmp_path / "noise", tmp_path / "mine"
    plain = ("--split", "synthetic-seen", "--no-controls", *data)
    assert run("evaluate", "--model", "control:noise", "--out", noise, *plain)[0] == 0
    assert run("evaluate", "--model", f"predictions:{noise}", "--out", mine, *plain)[0] == 0
    card = tmp_path / "card.json"
    card.write_text(json.dumps(CARD))
    root, board = tmp_path / "submissions", tmp_path / "board"
    submit = ("--org", "lab", "--model", "noise", "--revision", "v1", "--card", card, "--to", root)

    status, _, error = run("submit", noise, *submit)
    assert (status, "control" in error) == (2, True)
    assert run("submit", mine, *submit, "--dry-run")[0] == 0
    assert not root.exists()
    status, said, _ = run("submit", mine, *submit)
    assert (status, "written" in said) == (0, True)
    folder = root / "lab__noise" / "v1" / "v2s-synthetic-seen"
    assert run("submit", mine, *submit)[0] == 3  # a revision does not change

    status, said, _ = run("leaderboard", "verify", folder, *data, "--board", board, "--json")
    verdict = json.loads(said)
    assert (status, verdict["status"]) == (0, "unverified")
    assert [finding["code"] for finding in verdict["findings"]] == ["synthetic"]
    status, said, _ = run("leaderboard", "add", folder, *data, "--board", board)
    assert (status, "unverified: something needs a person" in said) == (0, True)
    assert (
        board / "results" / "lab__noise" / "v1" / "v2s-synthetic-seen" / "verdict.json"
    ).is_file()
    row = board / "results" / "lab__noise" / "v1" / "v2s-synthetic-seen"
    assert read_samples(row)[0].place == "Best"
    assert sum(path.stat().st_size for path in row.rglob("*") if path.is_file()) < 700_000
    controls = ("leaderboard", "controls", "lipreading", "synthetic-seen", *data)
    status, said, _ = run(*controls, "--board", board, "--workers", "1")
    assert (status, "lipreading-synthetic-seen/majority" in said) == (0, True)
    status, said, _ = run("leaderboard", "build", "--board", board, "--out", tmp_path / "site")
    assert (status, "rows      1 in 1 tables" in said) == (0, True)
    assert (tmp_path / "site/systems/lab__noise__v1__v2s-synthetic-seen.html").is_file()
    path = "lab__noise/v1/v2s-synthetic-seen"
    assert run("leaderboard", "withdraw", path, "--why", "done", "--board", board)[0] == 0

    (folder / "notes.txt").write_text("x")
    status, said, error = run("leaderboard", "verify", folder, *data, "--board", board)
    assert (status, "layout" in said, "rejected" in error) == (6, True, True)

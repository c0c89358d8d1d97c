"""Rows of the board: written of what was checked, logged, corrected, withdrawn."""

import gzip
from dataclasses import replace
from functools import partial

import pytest

from gridkit.errors import ResultError, UsageError
from gridkit.leaderboard.board import Known, add, known_to, read_log, read_rows, withdraw
from gridkit.leaderboard.verdict import verdict_from_json, verdict_to_json

PATH = "lab__voice/v1/v2s-six"


@pytest.fixture
def checked(check, honest_folder):
    return check(honest_folder)


def test_a_row_is_what_was_scored_here_and_the_log_says_what_became_of_it(tmp_path, checked):
    board = tmp_path / "board"
    add(board, checked, "2026-01-02")
    (row,) = read_rows(board)
    assert (row.path, row.card.name, row.verdict) == (PATH, "Honest voice", checked.verdict)
    assert row.result == checked.scored.result
    assert known_to(board).digests[PATH] == checked.digests
    with pytest.raises(UsageError, match="is there already; say --why"):
        add(board, checked, "2026-01-03")
    add(board, checked, "2026-01-03", "scored again")
    withdraw(board, PATH, "2026-01-04", "its people ask")
    assert read_rows(board) == []
    assert [(event.what, event.why) for event in read_log(board)] == [
        ("added", ""),
        ("corrected", "scored again"),
        ("withdrawn", "its people ask"),
    ]
    with pytest.raises(UsageError, match="has no row"):
        withdraw(board, PATH, "2026-01-05", "again")
    add(board, checked, "2026-01-06", "back")
    assert [row.path for row in read_rows(board)] == [PATH]


def test_the_clips_of_a_row_are_those_scored_here_and_not_those_claimed(tmp_path, check, submitted):
    path = submitted / "clips.jsonl.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    changed = text.replace('"reason": null', '"reason": null, "text": {"judge": "claimed"}')
    assert changed != text
    path.write_bytes(gzip.compress(changed.encode()))
    checked = check(submitted)
    assert checked.verdict.status == "rescored"
    folder = add(tmp_path / "board", checked, "2026-01-02")
    assert gzip.decompress((folder / "clips.jsonl.gz").read_bytes()).decode() == text


def test_a_correction_leaves_no_sample_of_before(tmp_path, checked):
    board = tmp_path / "board"
    add(board, checked, "2026-01-02", samples={"a.flac": b"1", "b.flac": b"2"})
    folder = add(board, checked, "2026-01-03", "other clips", {"b.flac": b"3"})
    found = {path.name: path.read_bytes() for path in (folder / "samples").iterdir()}
    assert found == {"b.flac": b"3"}


def test_a_correction_that_is_killed_shows_nothing_under_the_old_verdict(
    tmp_path, checked, monkeypatch
):
    board = tmp_path / "board"
    add(board, checked, "2026-01-02")
    monkeypatch.setattr("gridkit.leaderboard.board.note", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add(board, checked, "2026-01-03", "other figures")
    assert read_rows(board) == []
    monkeypatch.undo()
    add(board, checked, "2026-01-03")
    assert [row.path for row in read_rows(board)] == [PATH]


def test_a_correction_without_times_has_none(tmp_path, checked):
    board = tmp_path / "board"
    assert (add(board, checked, "2026-01-02") / "timing.json").is_file()
    untimed = replace(checked, submission=replace(checked.submission, timing=None))
    assert not (add(board, untimed, "2026-01-03", "no times") / "timing.json").exists()


def test_a_row_whose_files_are_damaged_can_be_withdrawn(tmp_path, checked):
    board = tmp_path / "board"
    (add(board, checked, "2026-01-02") / "result.json").write_text("no JSON")
    with pytest.raises(ResultError):
        known_to(board)
    withdraw(board, PATH, "2026-01-03", "damaged")
    assert known_to(board) == Known({}, {})


@pytest.mark.parametrize("why", ["two\nlines", "a\N{LINE SEPARATOR}b", "\udc80", "x" * 600])
def test_a_reason_that_the_log_cannot_keep_is_refused_before_anything_is_written(
    tmp_path, checked, why
):
    board = tmp_path / "board"
    add(board, checked, "2026-01-02")
    for change in (partial(add, board, checked), partial(withdraw, board, PATH)):
        with pytest.raises(UsageError, match="one line"):
            change("2026-01-03", why)
    add(board, checked, "2026-01-03", "r\u00e9sum\u00e9")
    assert len(read_log(board)) == 2


def test_a_rejected_submission_is_no_row(tmp_path, check, submitted, edit):
    edit(submitted / "model.json", uses_text=True)
    with pytest.raises(UsageError, match="rejected"):
        add(tmp_path / "board", check(submitted), "2026-01-02")
    assert not (tmp_path / "board").exists()


def test_a_verdict_comes_back_and_a_damaged_one_is_named(checked):
    text = verdict_to_json(checked.verdict)
    assert verdict_from_json(text) == checked.verdict
    with pytest.raises(ResultError, match="status is 'best'"):
        verdict_from_json(text.replace('"rescored"', '"best"'))


def test_a_damaged_log_is_named_by_its_line(tmp_path, checked):
    board = tmp_path / "board"
    add(board, checked, "2026-01-02")
    with (board / "log.jsonl").open("a") as log:
        log.write("{}\n")
    with pytest.raises(ResultError, match=r"log\.jsonl, line 2"):
        read_rows(board)
    line = (board / "log.jsonl").read_text().splitlines()[0]
    for date in ("2026-1-2", "20260102", "2026-02-30", "soon"):
        (board / "log.jsonl").write_text(line.replace("2026-01-02", date) + "\n")
        with pytest.raises(ResultError, match=f"line 1: date is '{date}', not one as"):
            read_rows(board)

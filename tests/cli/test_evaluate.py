"""`gridkit evaluate` as a person meets it: errors in a line, a table, JSON for scripts."""

import json
import os
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from support.recognisers import Noted, notes
from support.small_corpus import make_clip, write_corpus

from gridkit.cli import evaluate
from gridkit.cli.main import gridkit, main
from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import text_of
from gridkit.corpus.splits import grid_split
from gridkit.evaluation.scoring import recognisers
from gridkit.evaluation.timing import latency as timing
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS
from gridkit.recipe.schema import DECODINGS

TESTS = Path(__file__).parent.parent
MODEL = """
import numpy as np
class Reader:
    task, crop = "lipreading", "{crop}"
    def __call__(self, frames):
        print("chatter")
        return "bin blue at f two now"
def load(device): return Reader()
def other(device): return Reader()
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A made-up corpus of all 100 test clips of s1, two train clips and the crop mouth96."""
    split = grid_split("s1")
    first = make_clip(split.ids("test")[0], ["mouth96"])
    clips = []
    for clip in [*split.ids("test"), *split.ids("train")[:2]]:
        speaker, code = split_id(clip)
        clips.append(replace(first, id=clip, speaker=speaker, code=code, text=text_of(code)))
    folder = tmp_path_factory.mktemp("command") / "corpus"
    write_corpus(folder, clips, profiles=["mouth96"])
    return folder


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A working folder, and a cache, of each test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "reader.py").write_text(MODEL.format(crop="mouth96"))
    (tmp_path / "other.py").write_text(MODEL.format(crop="lipnet"))
    return tmp_path


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--model", "control:silence", "--split", "s7"], 2, "the splits s1, seen4"),
        (["--model", "control:silence", "--split", "s1:all"], 2, "train, val, test"),
        (["--model", "control:silence", "--split", "unseen"], 3, "no clip of unseen:test"),
        (["--model", "control:silence", "--split", "seen4"], 3, "--allow-missing"),
        (["--model", "control:nothing", "--split", "s1"], 2, "control:griffin-lim"),
        (["--model", "control:majority", "--split", "s1"], 2, "for lipreading there are"),
        (["--model", "nothing.py", "--split", "s1"], 3, "no such file: nothing.py"),
        (["--model", "reader.py:mine", "--split", "s1", "--dry-run"], 3, "no factory 'mine'"),
        (
            ["--model", "other.py", "--split", "s1"],
            3,
            "'lipnet'; this corpus has mouth96",
        ),
        (["--model", "reader.py", "--split", "s1", "--device", "cuda"], 4, "cuda"),
        (["--model", "reader.py", "--split", "s1", "--recogniser", "me"], 2, "pocketsphinx"),
        (["--model", "reader.py", "--split", "s1", "--protocol", "me"], 2, "svts-2022"),
        (["--model", "reader.py", "--split", "s1", "--beside", "."], 3, "result.json"),
        (["--model", "reader.py", "--split", "s1", "--decoding", "beam"], 2, "is not a recipe"),
        (["--model", "reader.py", "--split", "s1", "--record"], 2, "is not a recipe folder"),
        (["--model", "reader.py", "--split", "reader.py"], 3, "list line"),
        (["--model", "predictions:cache", "--split", "s1"], 3, "no such folder"),
        (["--model", "hf:someone/model", "--split", "s1"], 2, "a revision is missing"),
    ],
)
def test_an_error_is_one_line_that_helps(capsys, corpus, arguments, status, message):
    got, out, err = run(capsys, "--data", corpus, *arguments)
    assert (got, out) == (status, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_folder_that_is_no_corpus(capsys, tmp_path):
    arguments = ["--model", "control:silence", "--split", "s1", "--data", tmp_path]
    status, _, err = run(capsys, *arguments)
    assert status == 3
    assert "not a prepared corpus" in err


def test_a_dry_run_scores_nothing(capsys, corpus, place):
    arguments = ["--model", "reader.py", "--split", "s1", "--data", corpus, "--dry-run"]
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    assert out.startswith("ok: lipreading from mouth96, isolation ")
    assert not (place / "results").exists()


def test_a_dry_run_says_that_sound_is_too_loud(capsys, corpus, place):
    (place / "loud.py").write_text(
        "import numpy as np\n"
        "class System:\n"
        "    task, crop, sample_rate = 'v2s', 'mouth96', 16_000\n"
        "    def __call__(self, frames): return np.linspace(-3e4, 3e4, 48_000, dtype=np.float32)\n"
        "def load(device): return System()\n"
    )
    status, out, err = run(
        capsys, "--model", "loud.py", "--split", "s1", "--data", corpus, "--dry-run"
    )
    assert (status, out[:7]) == (0, "ok: v2s")
    assert err.startswith("but 100% of a clip's samples are at full scale: sound is taken in [-1")


@pytest.mark.parametrize("where", ["load", "call"])
def test_a_dry_run_that_fails_shows_the_traceback(capsys, corpus, place, where):
    raises = {"load": ("1 / 0", "0"), "call": ("0", "1 / 0")}[where]
    (place / "bad.py").write_text(
        "class System:\n"
        "    task, crop = 'lipreading', 'mouth96'\n"
        f"    def __call__(self, frames): return {raises[1]}\n"
        f"def load(device): return {raises[0]} or System()\n"
    )
    arguments = ["--model", "bad.py", "--split", "s1", "--data", corpus, "--dry-run"]
    status, out, err = run(capsys, *arguments)
    line = {"load": 4, "call": 3}[where]
    assert (status, out) == (3, "")
    assert "Traceback (most recent call last):" in err
    assert f'bad.py", line {line}, in' in err
    assert err.splitlines()[-1].endswith(
        f"ZeroDivisionError: division by zero (bad.py, line {line})"
    )


def test_a_dry_run_says_that_an_export_takes_clips_of_one_length(capsys, corpus, place):
    class Rows(torch.nn.Module):
        def forward(self, frames):
            return frames.mean(dim=3)[:, :, :2]

    torch.export.save(torch.export.export(Rows(), (torch.zeros(1, 75, 96, 96),)), place / "a.pt2")
    (place / "a.toml").write_text(
        'task = "lipreading"\ncrop = "mouth96"\nscaling = "unit"\nlabels = ["", "a"]\n'
    )
    arguments = ["--model", "a.pt2", "--split", "s1", "--data", corpus, "--dry-run"]
    status, out, err = run(capsys, *arguments)
    assert (status, out[:14]) == (0, "ok: lipreading")
    assert err.startswith("but it takes clips of 75 frames alone (40 frames: crash: ")
    assert "docs/wrap-a-model.md" in err


def test_where_every_clip_failed_the_status_says_so(capsys, corpus, place):
    (place / "bad.py").write_text(MODEL.format(crop="mouth96").replace('"bin blue', '1 / 0, "bin'))
    clips = grid_split("s1").ids("test")[:2]
    (place / "two.tsv").write_text("".join(f"{clip}\ttest\n" for clip in clips))
    arguments = ["--split", "two.tsv", "--data", corpus, "--no-timing", "--no-controls"]
    status, out, err = run(capsys, "--model", "bad.py", *arguments)
    assert status == 3
    assert "2/2" in out, "the table is there all the same"
    assert "every clip failed (crash 2), so each figure is its floor" in err.splitlines()[-1]
    assert (place / "results/bad.py-two-test/report.html").is_file()
    assert run(capsys, "--model", "reader.py", *arguments)[0] == 0


def test_an_evaluation_ends_in_a_table_and_a_report(capsys, corpus, place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("gridkit.compute.progress.PLAIN_INTERVAL_S", inf)  # on a busy machine too
    arguments = ["--model", "reader.py:other", "--split", "s1", "--data", corpus, "--no-timing"]
    status, out, err = run(capsys, *arguments)
    assert status == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines if ".py" in line or "control:" in line]
    assert names[:-1] == [
        "reader.py:other",
        "control:reference",
        "control:majority",
    ]
    assert lines[-1] == "look at   results/reader.py-other-s1-test/report.html"
    assert (place / "results/reader.py-other-s1-test/report.html").is_file()
    assert "chatter" not in out + err
    assert (place / "results/reader.py-other-s1-test/system.log").read_text().startswith("chatter")
    # a line a step and no more: predict, score, and as much for the two controls
    assert len(err.splitlines()) == 6
    again = run(capsys, *arguments)
    assert (again[0], again[1], again[2]) == (0, out, "")


def test_a_recogniser_is_made_once_per_process_for_a_system_and_its_controls(
    capsys, corpus, place, monkeypatch
):
    file = place / "notes"
    monkeypatch.setattr(recognisers, "recogniser_factory", lambda _: partial(Noted, file))
    split = grid_split("s1")
    lists = [f"{clip}\ttest\n" for clip in split.ids("test")[:2]]
    (place / "few.tsv").write_text("".join([*lists, f"{split.ids('train')[0]}\ttrain\n"]))
    arguments = ["--model", "control:noise", "--data", corpus, "--split", "few.tsv", "--workers", 2]
    status, out, _ = run(capsys, *arguments, "--recogniser", "noted")
    assert status == 0
    assert "control:griffin-lim" in out
    made, transcribed = notes(file)
    assert made.count(str(os.getpid())) == 1
    assert len(made) == len(set(made)) <= 3
    assert str(os.getpid()) not in transcribed


def test_json_is_all_that_stands_on_stdout(capsys, corpus, place):
    arguments = ["--model", "control:majority", "--task", "lipreading", "--data", corpus]
    status, out, _ = run(capsys, *arguments, "--split", "s1:test", "--json", "--no-controls")
    assert status == 0
    assert json.loads(out)["n"] == 100
    assert out == (place / "results/control-majority-s1-test/result.json").read_text()
    assert not (place / "cache/controls").exists()


def test_the_decodings_are_those_of_recipes():
    assert evaluate.DECODINGS == DECODINGS


def test_a_timing_has_at_least_the_calls_of_the_protocol(capsys, corpus, place):
    assert evaluate.MIN_CALLS == timing.MIN_CALLS
    arguments = ["--model", "reader.py", "--split", "s1", "--data", corpus, "--calls", "19"]
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert "19 is not in the range x>=20" in err
    assert not (place / "results").exists()


def test_help_says_what_is_not_known_of_older_protocols():
    text = " ".join(CliRunner().invoke(gridkit, ["evaluate", "--help"]).output.split())
    for protocol in OLDER_PROTOCOLS.values():
        assert f"{protocol.name} {protocol.unknown}" in text

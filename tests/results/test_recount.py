"""A result is counted again from its clips: what was altered in either is refused in one line."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from gridkit.cli.compare import command
from gridkit.errors import ResultError
from gridkit.results import files as results
from gridkit.results.clip_table import tabulate
from gridkit.results.records import ClipScore, Result
from gridkit.results.recount import counted_again
from gridkit.results.statistics import estimates, per_slot, per_speaker
from gridkit.results.system_card import SystemCard

LEVELS = {"clipped": 0.0, "silent": 0.5, "inaudible": 0.0}
CLIPS = (
    ClipScore("s1/bbaf2n", "scored", metrics={"estoi": 0.3}, sound=LEVELS,
              counts={"wer_r": (1, 6)}, slots={"slot_r": (1, 1, 0, 1, 1, 1)}),
    ClipScore("s1/bbaf3s", "scored", metrics={"estoi": 0.4}, sound={**LEVELS, "inaudible": 1.0},
              counts={"wer_r": (2, 6)}, slots={"slot_r": (1, 1, 0, 1, 0, 1)}),
    ClipScore("s1/bbaf4p", "failed", "hang"),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A RESULT folder of three clips, one failed and one inaudible."""
    path = tmp_path / "mine"
    path.mkdir()
    (path / results.CLIPS_FILE).write_text("".join(map(results.clip_to_line, CLIPS)))
    table = tabulate(CLIPS)
    figures = estimates(table)
    heard = replace(figures["wer_r"], true_audio=0.1)
    result = Result(
        protocol="gridkit-1",
        task="v2s",
        system=SystemCard("mine"),
        corpus={"sha256": "c"},
        split={"name": "s1", "subset": "test"},
        n=3,
        failed=table.failed,
        rank_metric="estoi",
        metrics={**figures, "wer_r": heard},
        versions={},
        speakers=per_speaker(table),
        slots=per_slot(table),
        sound=table.sound,
        sha256={results.CLIPS_FILE: results.clips_sha256(path)},
    )
    results.write_result(path, result)
    return path


def edit(folder, keys, value):
    """Change one value of result.json."""
    file = folder / results.RESULT_FILE
    content = json.loads(file.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    file.write_text(json.dumps(content))


def edit_clip(folder):
    file = folder / results.CLIPS_FILE
    file.write_text(file.read_text().replace('"estoi": 0.3', '"estoi": 0.9'))


def test_a_result_is_what_its_clips_give(folder):
    scored = results.read_scored(folder)
    assert counted_again(scored) == scored.result.metrics
    assert scored.result.metrics["estoi"].value == pytest.approx((0.3 + 0.4 + 0) / 3)


@pytest.mark.parametrize(
    ("keys", "value", "says"),
    [
        (("metrics", "estoi", "value"), 0.9, "estoi is 0.9, and clips.jsonl gives 0.233333"),
        (("metrics", "wer_r", "n"), 2, "wer_r.n is 2, and clips.jsonl gives 3"),
        (("failed",), {}, "failed is {}, and clips.jsonl gives {'hang': 1}"),
        (("sound", "inaudible_clips"), 0, "sound is .*'inaudible_clips': 0"),
        (("sound",), {}, "sound is {}"),
        (("speakers", "s1", "estoi"), 0.9, "speakers is"),
        (("slots", "slot_r", "letter"), 0.9, "slots is"),
        (("split", "scored_sha256"), "0", "split.scored_sha256 is 0"),
    ],
)
def test_what_was_altered_in_a_result_is_refused(folder, keys, value, says):
    edit(folder, keys, value)
    with pytest.raises(ResultError, match=says) as caught:
        counted_again(results.read_scored(folder))
    assert "\n" not in str(caught.value)


def test_altered_clips_are_refused(folder):
    edit_clip(folder)
    with pytest.raises(ResultError, match=r"clips\.jsonl is not the file that result\.json"):
        counted_again(results.read_scored(folder))


def test_an_older_result_without_hashes_is_counted_again_too(folder):
    stated = results.read_result(folder)
    results.write_result(folder, replace(stated, sha256={}, speakers={}, slots={}))
    assert counted_again(results.read_scored(folder)) == stated.metrics
    edit_clip(folder)
    with pytest.raises(ResultError, match=r"estoi is 0\.233333, and clips\.jsonl gives 0\.433333"):
        counted_again(results.read_scored(folder))


def test_an_interval_is_shown_as_the_clips_give_it(folder):
    true = results.read_result(folder).metrics["estoi"]
    edit(folder, ("metrics", "estoi", "low"), true.value)
    assert counted_again(results.read_scored(folder))["estoi"] == true


def test_the_command_refuses_an_altered_headline(folder):
    edit(folder, ("metrics", "estoi", "value"), 0.9)
    outcome = CliRunner().invoke(command, [str(folder), str(folder)])
    assert isinstance(outcome.exception, ResultError)
    assert "one of the two was changed" in str(outcome.exception)

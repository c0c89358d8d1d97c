"""Results on disk: the same in as out, and clear refusals."""

import json
from dataclasses import replace

import pytest

from gridkit.errors import ResultError
from gridkit.results import files as results
from gridkit.results.records import ClipScore, Estimate, Result
from gridkit.results.system_card import SystemCard

CLIP = ClipScore(
    "s1/bbaf2n",
    "scored",
    metrics={"estoi": 0.1 + 0.2, "lag_ms": 0.0},
    counts={"wer_r": (2, 6)},
    slots={"slot_r": (1, 0, 1, 1, 1, 1)},
    text={"r": "bin blue at f two now"},
    raw_text={"r": "Bin blue, at F2 now é"},
)
RESULT = Result(
    protocol="gridkit-1",
    task="v2s",
    system=SystemCard("recipes/gan-s1", revision="abc", stateful=False),
    corpus={"sha256": "0" * 64, "synthetic": False},
    split={"name": "s1", "subset": "test", "sha256": "1" * 64, "scored_sha256": "2" * 64},
    n=2,
    failed={"hang": 1},
    rank_metric="estoi",
    metrics={
        "wer_r": Estimate(1 / 3, 0.1, 0.5, 2, true_audio=0.105),
        "estoi": Estimate(0.30000000000000004, 0.1, 0.5, 2),
    },
    versions={"gridkit": "0.1", "av": "18.1"},
    missing=1,
    speakers={"s1": {"estoi": 0.3}},
    slots={"slot_r": {"letter": 0.25}},
)


@pytest.fixture
def folder(tmp_path):
    results.write_result(tmp_path, RESULT)
    lines = [CLIP, ClipScore("s1/bbaf3s", "failed", "hang")]
    (tmp_path / "clips.jsonl").write_text("".join(map(results.clip_to_line, lines)))
    return tmp_path


def changed(**values):
    content = json.loads(results.result_to_json(RESULT)) | values
    return json.dumps({key: value for key, value in content.items() if value is not ...})


def test_result_comes_back_to_the_last_digit_and_byte():
    text = results.result_to_json(RESULT)
    assert results.result_from_json(text) == RESULT
    assert results.result_to_json(results.result_from_json(text)) == text


def test_a_result_may_have_hashes_and_need_not():
    hashed = replace(RESULT, sha256={"predictions": "b", "clips.jsonl": "a"})
    text = results.result_to_json(hashed)
    assert results.result_from_json(text) == hashed
    assert list(json.loads(text)["sha256"]) == ["clips.jsonl", "predictions"]
    assert "sha256" not in json.loads(results.result_to_json(RESULT))


def test_keys_stand_in_the_order_of_the_design():
    content = json.loads(results.result_to_json(RESULT))
    assert list(content)[:9] == (
        ["schema", "protocol", "task", "system", "corpus", "split", "n", "failed", "rank_metric"]
    )
    assert list(content["metrics"]) == ["estoi", "wer_r"]
    assert "true_audio" not in content["metrics"]["estoi"]


def test_clip_comes_back_to_the_last_digit():
    assert results.clip_from_line(results.clip_to_line(CLIP)) == CLIP
    assert "\n" not in results.clip_to_line(CLIP)[:-1]


def test_a_folder_is_read_by_its_name_or_its_file(folder):
    scored = results.read_scored(folder)
    assert scored == results.read_scored(folder / "result.json")
    assert scored.result == RESULT
    assert [clip.status for clip in scored.clips] == ["scored", "failed"]
    assert scored.timing is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[]", "expected an object, got list"),
        (changed(schema=2), "newer gridkit .schema 2.*pip install --upgrade"),
        (changed(n=...), "n missing"),
        (changed(surprise=1), "unknown keys: surprise"),
        (changed(n="2"), "n is '2', expected int"),
        (changed(n=True), "n is True, expected int"),
        (changed(task="tts"), "task is 'tts', not one of v2s, lipreading"),
        (changed(metrics={"estoi": {"value": 0.1}}), "metrics.estoi is damaged: n"),
        (changed(metrics={"estoi": {"value": 0.1, "n": 2}}), "low"),
        (changed(failed={"hang": 0.5}), "failed: hang is 0.5"),
        (changed().replace("0.30000000000000004", "NaN"), "NaN is not a number"),
        (changed().replace("0.30000000000000004", "1e999"), "1e999 is not finite"),
    ],
)
def test_a_result_that_breaks_the_format_is_refused(text, message):
    with pytest.raises(ResultError, match=message):
        results.result_from_json(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "skipped"}, "status 'skipped'"),
        ({"reason": "hang"}, "status 'scored' with reason 'hang'"),
        ({"status": "failed"}, "status 'failed' with reason None"),
        ({"counts": {"wer_r": [2]}}, "counts.wer_r is .2., expected 2 whole numbers"),
        ({"slots": {"slot_r": [1.0] * 6}}, "expected 6 whole numbers"),
        ({"metrics": {"estoi": "0.3"}}, "estoi is '0.3', expected float"),
        ({"path": "x"}, "unknown keys: path"),
    ],
)
def test_a_clip_that_breaks_the_format_is_refused(change, message):
    line = json.dumps(json.loads(results.clip_to_line(CLIP)) | change)
    with pytest.raises(ResultError, match=f"line 7.*{message}"):
        results.clip_from_line(line, "clips.jsonl, line 7")


def test_figures_that_are_not_finite_are_not_written(tmp_path):
    broken = replace(RESULT, metrics={"estoi": Estimate(float("nan"), 0, 0, 1)})
    with pytest.raises(ResultError, match="not finite"):
        results.write_result(tmp_path, broken)
    assert not (tmp_path / "result.json").exists()


def test_a_line_that_a_killed_run_tore_is_named(folder):
    path = folder / "clips.jsonl"
    path.write_text(path.read_text() + '{"id": "s1/bbaf4p", "sta')
    with pytest.raises(ResultError, match="line 3 does not end"):
        list(results.ClipsFile(path))


def test_a_folder_with_too_few_clips_is_not_finished(folder):
    path = folder / "clips.jsonl"
    path.write_text(results.clip_to_line(CLIP))
    with pytest.raises(ResultError, match=r"has 1 clips and result\.json counts 2; run"):
        results.read_scored(folder)


def test_a_folder_without_result_says_what_to_name(tmp_path):
    with pytest.raises(ResultError, match=r"result\.json: No such file.*gridkit evaluate"):
        results.read_scored(tmp_path)


def test_what_somebody_elses_result_says_is_fit_for_a_terminal(folder):
    """Transcripts alone stay as they are: they are scored, and a page escapes them."""
    path = folder / results.RESULT_FILE
    path.write_text(path.read_text().replace('"gridkit-1"', '"gridkit-1\\u001b[2J"'))
    assert results.read_result(folder).protocol == "gridkit-1?[2J"
    line = results.clip_to_line(
        ClipScore("s1/bbaf3s", "failed", "hang", detail="a\x1bb", raw_text={"r": "a\x1bb"})
    )
    clip = results.clip_from_line(line)
    assert (clip.detail, clip.raw_text["r"]) == ("a?b", "a\x1bb")

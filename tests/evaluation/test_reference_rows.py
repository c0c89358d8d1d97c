"""The reference rows of a system: controls from the cache, results of the same question."""

import shutil
import threading
import time
from dataclasses import replace

import pytest

from gridkit.compute.lock import folder_lock
from gridkit.errors import ResultError
from gridkit.evaluation import reference_rows as rows
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.controls import CONTROLS
from gridkit.evaluation.reference_rows import reference_rows
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.results.files import read_scored, write_result
from gridkit.results.system_card import SystemCard

OPTIONS = Options(timed=False, workers=1)


@pytest.fixture(scope="module")
def read(tmp_path_factory, spoken):
    """A finished lipreading control on `spoken`: its two controls are quick to make."""
    out = tmp_path_factory.mktemp("read") / "result"
    options = replace(OPTIONS, task="lipreading")
    return evaluate(parse_model("control:majority"), spoken, out, options)


def first_clip(subset, folder):
    """A split of one test clip and no train clip."""
    path = folder / "some.tsv"
    path.write_text(f"{subset.ids[0]}\ttest\n")
    return open_subset(subset.corpus, str(path))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def names(rows):
    return [(row.kind, row.name) for row in rows]


def test_the_controls_of_the_task_but_for_the_system_itself(read, spoken, tmp_path, cache):
    rows = reference_rows(read, spoken, OPTIONS, tmp_path)
    assert names(rows) == [("control", "control:reference")]
    assert rows[0].result.metrics["wer"].value == 0
    assert set(CONTROLS["lipreading"]) == {"reference", "majority"}
    assert list(cache.glob("controls/*/lipreading/reference/result.json"))


def test_without_train_clips_there_is_no_control_that_learns(spoken, tmp_path, capsys):
    some = first_clip(spoken, tmp_path)
    options = replace(OPTIONS, task="lipreading")
    truth = evaluate(parse_model("control:reference"), some, tmp_path / "result", options)
    assert reference_rows(truth, some, OPTIONS, tmp_path) == []
    said = capsys.readouterr().err
    assert "control:majority left out: no train clip to learn from" in said


def test_of_a_single_clip_there_is_no_other_to_shuffle_with(spoken, tmp_path, capsys):
    some = first_clip(spoken, tmp_path)
    options = replace(OPTIONS, recognisers=())
    silence = evaluate(parse_model("control:silence"), some, tmp_path / "result", options)
    beside = names(reference_rows(silence, some, options, tmp_path))
    made = ("reference", "noise", "griffin-lim")
    assert sorted(beside) == sorted(("control", f"control:{name}") for name in made)
    assert "control:shuffled left out: no other clip" in capsys.readouterr().err


@pytest.mark.usefixtures("own_cache")
def test_other_train_clips_are_learnt_from_anew(spoken, tmp_path):
    path, options = tmp_path / "some.tsv", replace(OPTIONS, task="lipreading")
    truth, majority = parse_model("control:reference"), parse_model("control:majority")
    for clip in spoken.ids:  # with one train clip, what it says is what is said most
        path.write_text(f"{spoken.kept('train')[0]}\ttest\n{clip}\ttrain\n")
        some = open_subset(spoken.corpus, str(path))
        said = {clip.id: clip.text for clip in spoken.references()}[clip]
        out = tmp_path / clip
        scored = evaluate(truth, some, out, options)
        rows = reference_rows(scored, some, OPTIONS, tmp_path)
        assert names(rows) == [("control", "control:majority")]
        expected = evaluate(majority, some, out / "own", options)
        assert [clip.text["system"] for clip in expected.clips] == [said]
        assert rows[0].result == expected.result
    with pytest.raises(ResultError, match="it differs in train"):
        evaluate(majority, some, tmp_path / spoken.ids[0] / "own", options)
    evaluate(truth, some, tmp_path / spoken.ids[0], options)


def test_controls_are_made_once_whatever_the_device(read, spoken, tmp_path, monkeypatch):
    first = reference_rows(read, spoken, OPTIONS, tmp_path)
    monkeypatch.setattr(rows, "evaluate", lambda *_: pytest.fail("made again"))
    on_a_gpu = replace(OPTIONS, device="cuda", calls=7, isolate=False)
    assert reference_rows(read, spoken, on_a_gpu, tmp_path) == first
    assert reference_rows(read, spoken, OPTIONS, tmp_path, controls=False) == []


def test_a_run_waits_for_controls_that_another_makes(read, spoken, tmp_path, own_cache, capsys):
    reference_rows(read, spoken, OPTIONS, tmp_path)
    folder = next(own_cache.glob("controls/*/lipreading"))
    held, done, said = threading.Event(), [], []

    def hold():
        with folder_lock(folder):
            held.set()
            deadline_s = time.monotonic() + 60
            while "waiting for it" not in "".join(said) and time.monotonic() < deadline_s:
                said.append(capsys.readouterr().err)
                time.sleep(0.01)
            done.append("the other")

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    reference_rows(read, spoken, OPTIONS, tmp_path)
    assert done == ["the other"]
    other.join()
    assert "waiting for it" in "".join(said)


def copy_with(scored, folder, **changes):
    shutil.copytree(scored.folder, folder)
    write_result(folder, replace(scored.result, **changes))
    return folder


def test_a_result_named_beside_must_answer_the_same_question(read, spoken, tmp_path):
    mine = read_scored(copy_with(read, tmp_path / "mine", system=SystemCard("mine")))
    other = read_scored(copy_with(read, tmp_path / "other", protocol="gridkit-0"))
    rows = reference_rows(read, spoken, OPTIONS, tmp_path, controls=False, others=[mine])
    assert names(rows) == [("reference", "mine")]
    with pytest.raises(ResultError, match="differ in protocol"):
        reference_rows(read, spoken, OPTIONS, tmp_path, controls=False, others=[mine, other])

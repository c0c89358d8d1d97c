"""Predictions of systems of every kind, saved; and what the result says of the system."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.small_recipes import LIPREADER, write_recipe

from gridkit.compute.local import Workers
from gridkit.corpus.splits import Split
from gridkit.errors import (
    ModelChangedError,
    RecipeError,
    ResultError,
    SystemFailedError,
    SystemLoadError,
    UsageError,
)
from gridkit.evaluation.contamination import known_clips
from gridkit.evaluation.model_files import ModelFiles
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.collect import collect_predictions, try_out
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.question import question_of
from gridkit.evaluation.scoring.recognisers import load_recognisers
from gridkit.evaluation.scoring.scorer import PRELOAD, Scorer
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import decoded_by, parse_model
from gridkit.recipe import load_recipe
from gridkit.results.system_card import SYSTEM_FILE

OPTIONS = Options()
RECIPES = Path(__file__).parents[3] / "recipes"


def collect(text, subset, out, options=OPTIONS):
    spec = parse_model(str(text))
    with Workers(1, preload=PRELOAD) as processes:
        card = collect_predictions(spec, ModelFiles(spec), subset, out, options, processes)
    return card, PredictionWriter(out).saved()


def test_a_system_is_asked_about_every_clip(model, tones, tmp_path):
    card, saved = collect(model(), tones, tmp_path / "out")
    assert sorted(saved) == list(tones.ids)
    assert list(saved) != list(tones.ids), "a 1 in 20! chance"
    light = tones.frames_of("mouth96")(tones.ids[0]).astype(float).mean(axis=(1, 2))
    expected = np.rint(32768 * np.repeat(0.01 * (light - light.mean()), 640))
    assert np.abs(saved[tones.ids[0]].samples - expected).max() <= 1
    assert card.task == "v2s"
    assert (card.crop, card.sample_rate_hz) == ("mouth96", 16_000)
    assert card.contamination == "unknown"
    assert card.limits_s == {"load_s": 300, "first_call_s": 120, "clip_s": 60}
    assert card.stateful is False
    assert card.entries() == json.loads((tmp_path / "out/system.json").read_text())


def test_a_recipe_that_it_is_built_on_and_that_is_missing_is_told_first(tones, tmp_path):
    run = write_recipe(tmp_path / "run", 'built_on = ["gone"]\n' + LIPREADER)
    with pytest.raises(RecipeError, match="run is built on the recipe gone, which is not in"):
        try_out(parse_model(str(run)), tones, OPTIONS)
    with pytest.raises(RecipeError, match="run is built on the recipe gone, which is not in"):
        collect(run, tones, tmp_path / "out")
    assert not PredictionWriter(tmp_path / "out").saved()


def test_what_it_prints_is_its_log(model, tones, tmp_path):
    collect(model("print('a word of mine')"), tones, tmp_path / "out")
    assert "a word of mine" in (tmp_path / "out/system.log").read_text()


@pytest.mark.parametrize("asked_when_changed", [3, 20])
def test_what_a_changed_model_may_have_said_is_not_kept(
    model, tones, tmp_path, monkeypatch, asked_when_changed
):
    """Changed in the midst of a process's answers, or in those of the last one."""
    path = model(
        "if getattr(self, 'n', 0) == 2: os._exit(1)\n        self.n = 1 + getattr(self, 'n', 0)"
    )
    weights = path.parent / "weights" / "w.gguf"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    added = []
    add = PredictionWriter.add

    def change(self, prediction):
        add(self, prediction)
        added.append(prediction.id)
        if len(added) == asked_when_changed:
            weights.write_bytes(b"two")

    monkeypatch.setattr(PredictionWriter, "add", change)
    with pytest.raises(ModelChangedError, match=r"was changed.*\(weights/w\.gguf\)"):
        collect(path, tones, tmp_path / "out")
    kept = set(PredictionWriter(tmp_path / "out").saved())
    assert kept < set(added)
    assert not kept & set(added[asked_when_changed - 1 :])
    assert not PredictionWriter(tmp_path / "out").is_finished


def test_what_was_predicted_before_the_system_broke_is_kept(model, tones, tmp_path, monkeypatch):
    calls = iter(range(100))
    frames_of = tones.frames_of("mouth96")

    def breaking(clip):
        if next(calls) == 12:
            raise KeyboardInterrupt
        return frames_of(clip)

    monkeypatch.setattr(Subset, "frames_of", lambda self, profile: breaking)
    with pytest.raises(KeyboardInterrupt):
        collect(model(), tones, tmp_path / "out")
    writer = PredictionWriter(tmp_path / "out")
    # some of the first twelve answers may be to a clip that is asked once more
    assert 7 <= len(writer.saved()) <= 12
    assert not writer.is_finished


def test_a_finished_collection_asks_nothing(model, tones, tmp_path):
    path = model()
    card, _ = collect(path, tones, tmp_path / "out")
    path.write_text("raise RuntimeError")
    assert collect(path, tones, tmp_path / "out")[0] == card


def test_files_are_taken_over_and_what_is_not_there_fails(tones, tmp_path):
    folder = tmp_path / "mine" / "s1"
    folder.mkdir(parents=True)
    for clip in tones.ids[1:]:
        (tmp_path / "mine" / f"{clip}.txt").write_text("bin blue at f two now\n")
    (tmp_path / "mine" / f"{tones.ids[5]}.txt").write_bytes(b"\xff")
    card, saved = collect(f"predictions:{tmp_path / 'mine'}", tones, tmp_path / "out")
    assert (card.task, card.contamination) == ("lipreading", "unknown")
    assert saved[tones.ids[0]].failure == "type"
    assert saved[tones.ids[0]].detail == "this clip has no prediction"
    assert saved[tones.ids[5]].failure == "type"
    assert saved[tones.ids[1]].text == "bin blue at f two now"
    assert list(saved) == list(tones.ids)


def test_files_are_taken_over_once(tones, tmp_path):
    (tmp_path / "mine/s1").mkdir(parents=True)
    for clip in tones.ids:
        (tmp_path / "mine" / f"{clip}.txt").write_text("bin blue")
    writer = PredictionWriter(tmp_path / "out")
    writer.add(Prediction(tones.ids[4], text="bin blue"))
    writer.flush()
    _, saved = collect(f"predictions:{tmp_path / 'mine'}", tones, tmp_path / "out")
    assert sorted(saved) == list(tones.ids)


def test_text_among_sound_is_a_failure(tones, tmp_path):
    first, second, third = tones.ids[:3]
    writer = PredictionWriter(tmp_path / "mine")
    writer.add(Prediction(first, failure="crash", detail="it did"))
    writer.add(Prediction(second, samples=np.ones(48_000, np.int16)))
    writer.add(Prediction(third, text="bin blue at f two now"))
    writer.finish()
    card, saved = collect(f"predictions:{tmp_path / 'mine'}", tones, tmp_path / "out")
    assert card.task == "v2s"
    assert (saved[first].failure, saved[first].detail) == ("crash", "it did")
    assert saved[third].failure == "type"
    assert saved[third].detail == "text, where the others are sound"


def test_predictions_of_a_result_keep_what_its_card_says_of_them(tones, tmp_path):
    made = tmp_path / "made"
    writer = PredictionWriter(made)
    writer.add(Prediction(tones.ids[0], text="bin blue at f two now"))
    writer.finish()
    spec = parse_model(f"predictions:{made}")
    before = ModelFiles(spec).content
    kept = {
        "task": "recognition",
        "decoding": "beam",
        "revision": "1f",
        "contamination": "contaminated",
    }
    own = {"name": "a", "isolation": "none", "crop": "mouth96", "stateful": True}
    (made / SYSTEM_FILE).write_text(json.dumps(kept | own))
    card, saved = collect(spec.text, tones, tmp_path / "out")
    named = {"name": spec.label, "isolation": "does not apply", "stateful": False}
    assert card.entries() == kept | named
    assert saved[tones.ids[0]].failure is None
    assert ModelFiles(spec).content != before
    (made / SYSTEM_FILE).write_text("{")
    with pytest.raises(ResultError, match=r"system\.json is damaged"):
        collect(spec.text, tones, tmp_path / "again")


def test_where_all_failed_a_person_says_the_task(tones, tmp_path):
    writer = PredictionWriter(tmp_path / "mine")
    for clip in tones.ids:
        writer.add(Prediction(clip, failure="crash"))
    writer.finish()
    text = f"predictions:{tmp_path / 'mine'}"
    assert collect(text, tones, tmp_path / "a")[0].task == "v2s"
    options = Options(task="lipreading")
    assert collect(text, tones, tmp_path / "b", options)[0].task == "lipreading"


def test_a_control_that_goes_on_makes_the_rest_only_once(tones, tmp_path):
    writer = PredictionWriter(tmp_path / "out")
    writer.add(Prediction(tones.ids[4], samples=np.ones(48_000, np.int16)))
    writer.flush()
    _, saved = collect("control:silence", tones, tmp_path / "out")
    assert sorted(saved) == list(tones.ids)
    assert saved[tones.ids[4]].samples.all()
    assert not saved[tones.ids[5]].samples.any()


def test_a_trial_needs_two_clips_and_a_system(model, tones):
    facts = try_out(parse_model(str(model())), tones, OPTIONS).facts
    assert (facts.task, facts.crop, facts.sample_rate) == ("v2s", "mouth96", 16_000)
    with pytest.raises(SystemFailedError, match=r"clip 1.*no idea"):
        try_out(parse_model(str(model("raise ValueError('no idea')"))), tones, OPTIONS)
    with pytest.raises(UsageError, match="control:silence is not run"):
        try_out(parse_model("control:silence"), tones, OPTIONS)


def test_a_crop_that_the_corpus_lacks_is_named(model, tones):
    path = model()
    path.write_text(path.read_text().replace("mouth96", "gan"))
    message = r"needs crop 'gan'; this corpus has lipnet, mouth96"
    with pytest.raises(SystemLoadError, match=message):
        try_out(parse_model(str(path)), tones, OPTIONS)


def test_corpus_results_and_cache_are_hidden(model, tones, tmp_path, cache):
    worker = worker_of(parse_model(str(model())), tones, OPTIONS, tmp_path / "out")
    assert set(worker._hidden) == {tones.corpus.folder, tmp_path / "out", cache}


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe that says it was trained on some clips."""

    def write(*trained):
        folder = Path(shutil.copytree(RECIPES / "judge-s1", tmp_path / "judge"))
        for old in folder.glob("weights*"):
            old.unlink()
        (folder / "trained_on.txt").write_text("\n".join(trained))
        text = (folder / "recipe.toml").read_text()
        if "[weights]" not in text:
            text += (
                '\n[weights]\nfile = "weights.safetensors"\nsha256 = "' + 64 * "0" + '"\n'
                'trained_on = "trained_on.txt"\n'
            )
        (folder / "recipe.toml").write_text(text)
        return load_recipe(folder)

    return write


def test_a_judge_trained_on_the_clips_is_refused(recipe, tones):
    judge = recipe(tones.ids[3], "s9/bbaf2n")
    assert known_clips(judge, tones) == {tones.ids[3]}
    with pytest.raises(UsageError, match=f"trained on 1 clips.*{tones.ids[3]}"):
        load_recognisers([str(judge.folder)], tones)


def test_a_judge_may_be_told_how_to_decode(tones):
    judge = str(RECIPES / "judge-s1")
    names = [judge, f"{judge}:greedy", f"{judge}:grammar", "pocketsphinx"]
    judges = load_recognisers(names, tones)
    assert list(judges) == ["judge-s1", "judge-s1:grammar", "pocketsphinx"]
    assert judges["judge-s1:grammar"]().name == "judge-s1:grammar"
    versions = Scorer(judges).versions
    assert versions["judge-s1"] != versions["judge-s1:grammar"]
    with pytest.raises(UsageError, match="no decoding 'guess'; it is one of greedy"):
        Scorer(load_recognisers([f"{judge}:guess"], tones)).versions  # noqa: B018
    with pytest.raises(UsageError, match=r"unknown recogniser 'no/judge:beam'.* recipe folders"):
        load_recognisers(["no/judge:beam"], tones)


def test_how_a_recipe_decodes_is_part_of_the_question(tones):
    spec = parse_model(str(RECIPES / "lipnet-s1"))
    asked = {
        name: question_of(decoded_by(spec, name), None, tones, OPTIONS, {})
        for name in (None, "greedy", "grammar")
    }
    assert asked[None] == asked["greedy"] != asked["grammar"]


def test_on_unseen_speakers_any_clip_of_theirs_spoils(recipe, tones):
    test_of_s1 = Split("mine", dict.fromkeys(tones.ids, "test"), True, "s1 is never seen")
    judge = recipe("s1/bbaf2n", "s9/bbaf2n")
    assert "s1/bbaf2n" not in tones.ids
    assert known_clips(judge, tones) == set()
    assert known_clips(judge, Subset(tones.corpus, test_of_s1, "test")) == {"s1/bbaf2n"}

"""One evaluation from system to result: its figures; a broken run ends like a whole one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.timings import make_timing

from gridkit.compute.lock import folder_lock
from gridkit.errors import (
    CorpusError,
    LockedError,
    ModelChangedError,
    ResultError,
    SystemFailedError,
    SystemLoadError,
    UsageError,
)
from gridkit.evaluation.model_files import ModelFiles
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import FILE, FOLDER, PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.question import OF_PREDICTIONS, QUESTION_FILE, SCORERS, TRUE_AUDIO_FILE
from gridkit.evaluation.report.html import render_report
from gridkit.evaluation.report.media import media_of
from gridkit.evaluation.sandbox.limits import Limits
from gridkit.evaluation.systems.spec import parse_model
from gridkit.evaluation.timing import latency, system_timing
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS
from gridkit.metrics.registry import ALIGNED
from gridkit.results.caveats import flags, result_caveats
from gridkit.results.files import CLIPS_FILE, RESULT_FILE, clips_sha256, write_result
from gridkit.results.records import PROTOCOL
from gridkit.results.rows import columns, row_of
from gridkit.results.statistics import estimates
from gridkit.results.system_card import SystemCard
from gridkit.results.timing import TIMING_FILE, FailedTiming

SHIFT_MS = 60
RECIPES = Path(__file__).parents[2] / "recipes"


HEARS = """
class Hears:
    task, card = "recognition", {{"decoding": "by heart"}}
    said = {said}
    def __call__(self, samples):
        key = min(self.said, key=lambda known: abs(known - int(samples[8000])))
        return self.said[key]
    def batch(self, clips):
        assert len(clips) < 32
        return [self(samples) for samples in clips]
def load(device): return Hears()
"""


def values(scored):
    return {name: estimate.value for name, estimate in scored.result.metrics.items()}


def test_the_truth_gets_the_top_of_every_scale(score, spoken):
    scored = score("control:reference")
    found = values(scored)
    assert found["stoi"] == pytest.approx(1, abs=1e-9)
    assert found["estoi"] == pytest.approx(1, abs=1e-9)
    assert found["mcd_db"] == 0
    assert found["lag_ms"] == found["lag_ms_abs"] == 0
    assert found["pesq_nb"] == pytest.approx(4.5486, abs=1e-3)
    assert found["pesq_wb"] == pytest.approx(4.6439, abs=1e-3)
    wer = scored.result.metrics["wer_pocketsphinx"]
    assert wer.value == wer.true_audio
    assert (scored.result.n, scored.result.failed) == (2, {})
    known = {"gridkit", "normaliser", "recogniser pocketsphinx", *SCORERS}
    assert known == set(scored.result.versions)
    assert [clip.id for clip in scored.clips] == list(spoken.ids)


def test_a_shift_is_found_and_taken_out(score, spoken, tmp_path):
    lag = round(SHIFT_MS * 16)
    for reference in spoken.references():
        late = np.concatenate([np.zeros(lag, np.int16), reference.samples[:-lag]])
        path = tmp_path / "late" / f"{reference.id}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, late, 16_000, subtype="PCM_16")
    found = values(score(f"predictions:{tmp_path / 'late'}"))
    assert found["lag_ms"] == found["lag_ms_abs"] == SHIFT_MS
    assert found["estoi"] < 0.6
    # the last 60 ms are lost, and nothing else
    assert found[f"estoi{ALIGNED}"] > 0.97
    assert found[f"mcd_db{ALIGNED}"] < 0.5 < found["mcd_db"]


def test_predictions_of_a_result_score_the_same_to_the_last_digit(score, hummed):
    again = score(f"predictions:{hummed.folder}")
    assert again.result.metrics == hummed.result.metrics
    assert (again.folder / CLIPS_FILE).read_bytes() == (hummed.folder / CLIPS_FILE).read_bytes()


def broken_copy(hummed, folder, damage):
    """A run as a kill leaves it: unfinished predictions, or scores that end in half a line."""
    copy = shutil.copytree(hummed.folder, folder)
    (copy / RESULT_FILE).unlink()
    if damage == "predicting":
        one = next(iter(PredictionWriter(copy).saved().values()))
        shutil.rmtree(copy / FOLDER)
        writer = PredictionWriter(copy)
        writer.add(one)
        writer.flush()
        (copy / "system.json").unlink()
        (copy / CLIPS_FILE).unlink()
    else:
        lines = (copy / CLIPS_FILE).read_bytes()
        (copy / CLIPS_FILE).write_bytes(lines[: lines.index(b"\n") + 40])
    return copy


@pytest.mark.parametrize("damage", ["predicting", "scoring"])
def test_a_killed_run_goes_on_to_the_same_result(score, hummed, tmp_path, damage):
    model = hummed.folder.parent / "hum.py"
    copy = broken_copy(hummed, tmp_path / "copy", damage)
    kept = None
    if damage == "predicting":
        kept = next(iter(PredictionWriter(copy).saved()))
    score(model, out="copy")
    for name in (RESULT_FILE, CLIPS_FILE):
        assert (copy / name).read_bytes() == (hummed.folder / name).read_bytes()
    saved = PredictionWriter(copy).saved()
    assert set(saved) == {clip.id for clip in hummed.clips}
    if kept:
        assert next(iter(saved)) == kept
    assert [path.name for path in (copy / FOLDER).iterdir()] == [FILE]


def test_a_result_names_what_it_was_made_of(hummed, score):
    hashes = hummed.result.sha256
    assert set(hashes) == {"clips.jsonl", "model", "predictions"}
    assert hashes["clips.jsonl"] == clips_sha256(hummed.folder)
    again = score(f"predictions:{hummed.folder}").result
    assert again.sha256["predictions"] == hashes["predictions"]
    assert again.sha256["model"] != hashes["model"]
    assert {"not run here", "training unknown"} <= set(flags(result_caveats(again)))
    assert set(score("control:silence", out="other").result.sha256) == {
        "clips.jsonl",
        "predictions",
    }


def test_a_system_gets_the_variables_and_files_that_it_is_given(
    score, model, monkeypatch, tmp_path
):
    (tmp_path / "given").mkdir()
    vocabulary = tmp_path / "given" / "vocab.txt"
    vocabulary.write_text("a b c")
    path = model(
        f"assert open({str(vocabulary)!r}).read() == 'a b c'\n"
        "        assert os.environ['MY_BACKEND'] == 'jax'"
    )
    monkeypatch.setenv("MY_BACKEND", "jax")
    choices = {"variables": ("MY_BACKEND",), "reads": (vocabulary.parent,), "recognisers": ()}
    scored = score(path, **choices)
    assert scored.result.failed == {}
    card = scored.result.system.entries()
    assert (card["variables"], card["reads"]) == (["MY_BACKEND"], ["given"])
    assert "jax" not in (scored.folder / QUESTION_FILE).read_text()
    with pytest.raises(ResultError, match=r"differs in content: .*vocab\.txt, reads, variables"):
        score(path, recognisers=())
    monkeypatch.setenv("MY_BACKEND", "torch")
    with pytest.raises(ResultError, match=r"differs in variables\)"):
        score(path, **choices)
    monkeypatch.setenv("MY_BACKEND", "jax")
    vocabulary.write_text("x y z")
    with pytest.raises(ResultError, match=rf"content: {vocabulary}"):
        score(path, **choices)


def test_following_links_is_said_and_decides(score, model):
    path = model("pass")
    scored = score(path, follow_links=True, recognisers=())
    assert scored.result.system.entries()["follow_links"] is True
    with pytest.raises(ResultError, match=r"differs in follow_links\)"):
        score(path, recognisers=())


def alter_clips(folder):
    file = folder / CLIPS_FILE
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line["metrics"]["estoi"] = 0.9
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def alter_predictions(folder):
    saved = PredictionWriter(folder).saved()
    said = [replace(saved[clip], samples=saved[clip].samples // 2) for clip in saved]
    shutil.rmtree(folder / FOLDER)
    writer = PredictionWriter(folder)
    for prediction in said:
        writer.add(prediction)
    writer.finish()


def alter_card(folder):
    card = json.loads((folder / "system.json").read_text())
    (folder / "system.json").write_text(json.dumps(card | {"contamination": "clean"}))


@pytest.mark.parametrize(
    ("alter", "named", "remove"),
    [
        (alter_clips, CLIPS_FILE, CLIPS_FILE),
        (alter_predictions, FOLDER, FOLDER),
        (alter_card, "system.json", FOLDER),
    ],
)
def test_what_was_edited_after_a_run_does_not_become_its_result(
    score, hummed, tmp_path, alter, named, remove
):
    copy = shutil.copytree(hummed.folder, tmp_path / "copy")
    alter(copy)
    model = hummed.folder.parent / "hum.py"
    with pytest.raises(ResultError, match=f"{named} was changed since result.json.*/{remove} to"):
        score(model, out="copy")
    path = copy / remove
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert score(model, out="copy").result == hummed.result


def test_a_result_of_before_hashes_were_written_is_taken_up(score, hummed, tmp_path):
    copy = shutil.copytree(hummed.folder, tmp_path / "copy")
    write_result(copy, replace(hummed.result, sha256={}))
    assert score(hummed.folder.parent / "hum.py", out="copy").result == hummed.result


def test_a_model_that_changes_while_it_is_timed_has_no_result(score, model, monkeypatch, tmp_path):
    path = model()

    def time_system(worker, clips, *, calls):
        path.write_text(path.read_text() + "# faster\n")
        return make_timing([10.0] * 20)

    monkeypatch.setattr(system_timing, "time_system", time_system)
    with pytest.raises(ModelChangedError, match=r"\(model\.py\)"):
        score(path, timed=True)
    assert not (tmp_path / "result" / RESULT_FILE).exists()


def test_a_second_run_in_the_same_folder_is_refused(score, tmp_path):
    with folder_lock(tmp_path / "result"), pytest.raises(LockedError, match="another gridkit run"):
        score("control:silence")


def test_a_folder_answers_one_question(score, model, tmp_path):
    path = model()
    first = score(path)
    asked = (first.folder / QUESTION_FILE).read_bytes()
    assert score(path).result == first.result
    model("light = -light")
    with pytest.raises(ResultError, match=r"it differs in content.*another --out"):
        score(path)
    model()
    assert score(path.parent / "." / path.name).result == first.result
    (path.parent / "weights.npz").write_bytes(b"new")
    with pytest.raises(ResultError, match=r"content: weights\.npz"):
        score(path)
    (path.parent / "weights.npz").unlink()
    with pytest.raises(ResultError, match=r"differs in recognisers.*--model predictions:"):
        score(path, recognisers=())
    with pytest.raises(ResultError, match="model, content, task, protocol"):
        score("control:silence", protocol="lip2wav-2020")
    assert (first.folder / QUESTION_FILE).read_bytes() == asked


@pytest.mark.parametrize("emptied", [True, False])
def test_without_its_predictions_nothing_of_a_result_stays(score, hummed, tmp_path, emptied):
    copy = shutil.copytree(hummed.folder, tmp_path / "copy")
    shutil.rmtree(copy / FOLDER)
    if emptied:
        (copy / FOLDER).mkdir()
    for name in OF_PREDICTIONS:
        (copy / name).touch()
    shutil.copy(hummed.folder / CLIPS_FILE, copy)
    shutil.copy(hummed.folder / "system.json", copy)
    (copy / "notes.txt").write_text("my own")
    (copy / TIMING_FILE).write_text("{}")
    found = score("control:majority", out="copy", task="lipreading")
    assert found.result.name == "control:majority"
    assert found.result.metrics == score("control:majority", task="lipreading").result.metrics
    names = {path.name for path in copy.iterdir() if not path.name.startswith(".")}
    written = {QUESTION_FILE, CLIPS_FILE, RESULT_FILE, "system.json", FOLDER}
    assert names == {*written, "notes.txt"}


@pytest.mark.parametrize("name", ["report.html", "result.json", "corpus.json", "notes.txt"])
def test_a_folder_of_ones_own_is_refused_and_stays(score, tmp_path, name):
    folder = tmp_path / "result"
    folder.mkdir()
    (folder / name).write_text("my own")
    with pytest.raises(ResultError, match=f"no question.json and holds {name}.*another --out"):
        score("control:silence")
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, "my own")]


def test_predictions_that_nobody_knows_are_refused(score, hummed, tmp_path):
    copy = shutil.copytree(hummed.folder, tmp_path / "copy")
    (copy / QUESTION_FILE).unlink()
    with pytest.raises(ResultError, match=r"without question\.json.*another --out"):
        score(hummed.folder.parent / "hum.py", out="copy")
    assert (copy / FOLDER / FILE).is_file()


def test_a_system_that_could_not_be_loaded_may_be_mended(score, model):
    path = model()
    path.write_text("print('my words')\nraise RuntimeError('no such weights')")
    with pytest.raises(Exception, match="no such weights"):
        score(path)
    out = path.parent.parent / "result"
    assert "my words" in (out / "system.log").read_text()
    model()
    assert score(path).result.n == 2


FAULTS = """
        number = int(frames.astype(np.int64).sum())
        if number == {crash}: os._exit(3)
        if number == {hang}: time.sleep(60)
        if number == {nan}: return np.full(48_000, np.nan, np.float32)
"""


def test_three_faults_in_twenty_clips_leave_seventeen_scored(score, model, tones):
    frames = tones.frames_of("mouth96")
    sums = [int(frames(clip).astype(np.int64).sum()) for clip in tones.ids]
    assert len(set(sums)) == 20
    faults = dict(zip(("crash", "hang", "nan"), (sums[2], sums[7], sums[19]), strict=True))
    path = model(FAULTS.format(**faults).strip())
    limits = Limits(first_call_s=3, clip_s=3)
    with pytest.raises(CorpusError, match=r"lacks 80 of the 100 clips.*--allow-missing"):
        score(path, subset=tones)
    scored = score(path, subset=tones, limits=limits, allow_missing=True, workers=2, recognisers=())
    result = scored.result
    assert (result.n, result.missing) == (20, 80)
    assert result.failed == {"crash": 1, "hang": 1, "nan": 1}
    failed = {clip.id: clip for clip in scored.clips if clip.status == "failed"}
    assert {clip: failed[clip].reason for clip in failed} == {
        tones.ids[2]: "crash",
        tones.ids[7]: "hang",
        tones.ids[19]: "nan",
    }
    assert "status 3" in failed[tones.ids[2]].detail
    assert "no answer in" in failed[tones.ids[7]].detail
    assert "48000 of 48000" in failed[tones.ids[19]].detail
    assert result.metrics["estoi"].n == 20
    assert result.system.limits_s["clip_s"] == 3
    assert result.system.stateful is False


def test_what_does_not_exist_is_refused_before_anything_is_written(score, tmp_path):
    with pytest.raises(
        UsageError, match="unknown protocol 'mine'; known are gridkit-1, lip2wav-2020"
    ):
        score("control:silence", protocol="mine")
    with pytest.raises(UsageError, match="unknown recogniser 'nobody'; known are pocketsphinx"):
        score("control:silence", recognisers=("nobody",))
    assert not (tmp_path / "result").exists()


def test_true_sound_is_heard_once_for_all_systems(score, hummed, cache):
    assert list((cache / "true_audio").glob("*.jsonl"))
    scored = score("control:silence")
    assert not (scored.folder / TRUE_AUDIO_FILE).exists()
    true = hummed.result.metrics["wer_pocketsphinx"].true_audio
    assert scored.result.metrics["wer_pocketsphinx"].true_audio == true


def test_a_system_is_timed(score, model, monkeypatch):
    monkeypatch.setattr(latency, "WARM_UP_S", 0.01)
    scored = score(model(), timed=True, calls=20)
    assert scored.timing.latency_ms.n == 20
    text = json.loads((scored.folder / TIMING_FILE).read_text())
    assert len(text["samples_ms"]) == 20


@pytest.fixture
def asked(monkeypatch):
    """The calls of each timing, which takes no time and gives as many samples as asked for."""
    asked = []

    def time_system(worker, clips, *, calls):
        asked.append(calls)
        if calls == 7:
            raise SystemFailedError("it fails now")
        return make_timing([10.0] * (calls or 100))

    def preprocess_times(subset, crop, source):
        return [0.1] * 10 if source else []

    monkeypatch.setattr(system_timing, "time_system", time_system)
    monkeypatch.setattr(system_timing, "preprocess_times", preprocess_times)
    return asked


def test_a_system_is_timed_again_where_more_is_asked_for(score, model, asked, tmp_path):
    path = model()
    choices = [{"calls": 40}, {}, {"calls": 20}, {"calls": 60}]
    for choice in choices:
        scored = score(path, timed=True, **choice)
    assert asked == [40, 60]
    assert scored.timing.latency_ms.n == 60
    assert scored.timing.preprocess_ms is None
    scored = score(path, timed=True, source=tmp_path)
    assert scored.timing.preprocess_ms.n == 10
    assert score(path, timed=True, source=tmp_path).timing == scored.timing
    assert asked == [40, 60, None]
    score(path, timed=False, calls=80)
    assert asked == [40, 60, None]


def test_a_timing_that_failed_is_made_again(score, model, asked):
    path = model()
    assert score(path, timed=True, calls=7).timing == FailedTiming("it fails now")
    assert score(path, timed=True).timing.latency_ms.n == 100
    assert asked == [7, None]


def test_what_sees_no_crop_has_none_to_wait_for(asked, score, model, tmp_path):
    path = model()
    path.write_text(HEARS.format(said={0: "bin blue at f two now"}))
    for _ in range(2):
        score(path, timed=True, source=tmp_path)
    assert asked == [None]


def test_a_system_is_timed_on_clips_that_it_answered(model, tones, tmp_path, monkeypatch):
    given = []

    def time_system(worker, clips, *, calls):
        given.extend(clips)
        raise SystemFailedError("it fails now")

    monkeypatch.setattr(system_timing, "time_system", time_system)
    writer = PredictionWriter(tmp_path)
    for clip in tones.ids:
        writer.add(Prediction(clip, text="bin", failure="nan" if clip == tones.ids[0] else None))
    writer.flush()
    spec = parse_model(str(model()))
    card = SystemCard(crop="mouth96")
    job = system_timing.TimingJob(spec, ModelFiles(spec), tones, tmp_path, Options(), card)
    system_timing.write_system_timing(job)
    wanted = [tones.frames_of("mouth96")(clip) for clip in tones.ids[1:]]
    assert all((one == two).all() for (one, _), two in zip(given, wanted, strict=True))
    assert [saved.id for _, saved in given] == list(tones.ids[1:])
    timing = json.loads((tmp_path / TIMING_FILE).read_text())
    assert timing == {"schema": 1, "error": "it fails now"}


def test_media_are_the_clips_own_sounds(hummed, spoken):
    media = media_of(hummed, spoken)(spoken.ids[0])
    saved = PredictionWriter(hummed.folder).saved()[spoken.ids[0]].samples
    reference = next(iter(spoken.references()))
    assert np.array_equal(media.prediction, saved)
    assert np.array_equal(media.reference, reference.samples)
    assert media.crop_mp4[4:8] == b"ftyp"


def test_lipreading_controls_have_their_own_figures(score):
    scored = score("control:reference", task="lipreading")
    assert (scored.result.task, scored.result.rank_metric) == ("lipreading", "wer")
    found = values(scored)
    assert (found["wer"], found["cer"], found["ser"], found["slot"]) == (0, 0, 0, 1)


def test_a_recogniser_is_a_system_that_hears(score, model, spoken):
    """It tells the two clips by their first sample, so it was given the true sound."""
    path = model()
    said = {int(clip.samples[8000]): clip.text for clip in spoken.references()}
    assert len(said) == 2
    path.write_text(HEARS.format(said=said))
    scored = score(path, timed=True, calls=20)
    assert (scored.result.task, scored.result.rank_metric) == ("recognition", "wer")
    assert scored.result.name == "model.py (by heart)"
    assert values(scored)["wer"] == 0
    assert (scored.timing.latency_ms.n, set(scored.timing.throughput)) == (20, {"1", "8"})
    assert "Speech recognition" in render_report(scored, (), media_of(scored, spoken))


def test_a_recogniser_stands_beside_one_that_never_met_grid(score, spoken):
    heard = score("control:pocketsphinx", task="recognition")
    beside = score("control:silence", out="other").result.metrics["wer_pocketsphinx"]
    assert values(heard)["wer"] == beside.true_audio
    assert heard.result.name == "control:pocketsphinx (grammar)"
    assert score("control:majority", out="text", task="recognition").result.system.decoding is None


@pytest.mark.parametrize(
    ("protocol", "headline"),
    [
        ("lip2wav-2020", "stoi"),
        ("mira-2021", "stoi_wrapped"),
        ("vca-gan-2021", "stoi"),
        ("svts-2022", "stoi"),
    ],
)
def test_an_older_protocol_has_its_own_figures_and_a_report(hummed, score, protocol, headline):
    scored = score(f"predictions:{hummed.folder}", protocol=protocol)
    assert (scored.result.protocol, scored.result.rank_metric) == (protocol, headline)
    assert {metric.name for metric in OLDER_PROTOCOLS[protocol].metrics} <= set(values(scored))
    assert "estoi" not in values(scored)
    main, _ = columns([row_of("system", scored)])
    assert set(values(scored)) <= {*main}, "what a protocol has is never small print"
    assert all(figure.true_audio is None for figure in scored.result.metrics.values())
    assert protocol in render_report(scored)


@pytest.mark.parametrize("protocol", [PROTOCOL, *OLDER_PROTOCOLS])
def test_where_all_failed_every_figure_with_a_floor_counts_every_clip(
    score, spoken, tmp_path, protocol
):
    writer = PredictionWriter(tmp_path / "none")
    for clip in spoken.ids:
        writer.add(Prediction(clip, failure="crash"))
    writer.finish()
    scored = score(f"predictions:{tmp_path / 'none'}", protocol=protocol)
    some = set(score("control:noise", protocol=protocol, out="some").result.metrics)
    without_floor = {"lag_ms", "lag_ms_abs", "mfcc_distance"}
    assert set(scored.result.metrics) == some - without_floor
    assert {estimate.n for estimate in scored.result.metrics.values()} == {2}
    assert set(estimates(scored.table)) == set(scored.result.metrics)
    assert render_report(scored, (), media_of(scored, spoken))


def test_an_older_protocol_scores_no_text(score, tmp_path):
    with pytest.raises(UsageError, match="svts-2022 scores sound"):
        score("control:majority", task="lipreading", protocol="svts-2022")
    assert not (tmp_path / "result").exists()


def test_a_lipreader_is_refused_before_it_is_asked(score, model, tmp_path):
    path = model()
    text = path.read_text().replace('"v2s"', '"lipreading"')
    path.write_text(text)
    with pytest.raises(UsageError, match="mira-2021 scores sound, and this system gives text"):
        score(path, protocol="mira-2021")
    (tmp_path / "system.json").write_text('{"task": "lipreading"}')
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1/bbaf2n.txt").write_text("bin blue at f two now")
    with pytest.raises(UsageError, match="mira-2021 scores sound"):
        score(f"predictions:{tmp_path}", protocol="mira-2021")
    with pytest.raises(UsageError, match="mira-2021 scores sound"):
        score(RECIPES / "lipnet-s1", protocol="mira-2021")
    assert not (tmp_path / "result").exists()


def test_what_an_older_protocol_cannot_load_keeps_its_log(score, model, tmp_path):
    path = model()
    path.write_text("print('my words')\nraise RuntimeError('no such weights')")
    with pytest.raises(SystemLoadError, match="no such weights"):
        score(path, protocol="mira-2021")
    assert "my words" in (tmp_path / "result/system.log").read_text()

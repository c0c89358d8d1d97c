"""Scoring many clips: a line a clip, failures with a reason, killed runs go on."""

import os
from functools import partial

import numpy as np
import pytest
from support.recognisers import Fixed, Noted, notes

from gridkit.corpus.grammar import text_of
from gridkit.errors import ResultError
from gridkit.evaluation.predictions.records import Prediction, Reference
from gridkit.evaluation.scoring.scorer import Scorer
from gridkit.metrics.metric import Metric
from gridkit.results.files import ClipsFile
from gridkit.results.records import ClipScore

CODES = ("bbaf2n", "lgbm7s", "pwixza", "srwa1p")
SAID = {f"s1/{code}": text_of(code) for code in CODES}


class Deaf(Fixed):
    def __call__(self, samples: np.ndarray) -> str:
        raise RuntimeError("no ears")


FIXED = {"fixed": partial(Fixed, "fixed", "Bin BLUE at F2 now")}


def sound(seed: int) -> np.ndarray:
    """Bursts of noise, int16 (48000,)."""
    generator = np.random.default_rng(seed)
    loudness = np.repeat(generator.uniform(0.02, 1, 60), 800)
    return np.rint(3_000 * loudness * generator.standard_normal(48_000)).astype(np.int16)


def references() -> list[Reference]:
    return [Reference(clip, text, sound(i)) for i, (clip, text) in enumerate(SAID.items())]


def the_truth() -> dict[str, Prediction]:
    return {clip.id: Prediction(clip.id, samples=clip.samples) for clip in references()}


def score(out, predictions, recognisers=FIXED, **settings) -> list[ClipScore]:
    with Scorer(recognisers, workers=1, **settings) as scorer:
        return list(scorer.score(references(), predictions, out))


def test_every_clip_is_a_line_in_the_order_of_the_references(tmp_path):
    scores = score(tmp_path / "clips.jsonl", the_truth())
    assert [clip.id for clip in scores] == list(SAID)
    assert list(ClipsFile(tmp_path / "clips.jsonl")) == scores
    assert all(clip.metrics["estoi"] == pytest.approx(1) for clip in scores)


def test_words_are_counted_against_the_sentence(tmp_path):
    first, second, *_ = score(tmp_path / "clips.jsonl", the_truth())
    assert first.raw_text == {"fixed": "Bin BLUE at F2 now"}
    assert first.text == {"fixed": "bin blue at f two now"}
    assert first.counts == {"wer_fixed": (0, 6), "cer_fixed": (0, 21)}
    assert first.slots == {"slot_fixed": (1, 1, 1, 1, 1, 1)}
    assert second.counts["wer_fixed"] == (6, 6)


def picky(pair) -> float:
    if pair.prediction.samples.max() < 0.01:
        raise ValueError("too quiet")
    return float("nan") if pair.prediction.samples.max() > 0.99 else 1.0


def test_a_clip_fails_with_its_reason_and_the_others_are_scored(tmp_path):
    predictions = the_truth()
    hang, quiet, silent = list(SAID)[1:]
    predictions[hang] = Prediction(hang, failure="hang", detail="no answer in 30 s")
    predictions[quiet] = Prediction(quiet, samples=np.ones(48_000, np.int16))
    predictions[silent] = Prediction(silent, samples=np.zeros(48_000, np.int16))
    plug_in = Metric("picky", "up", 0.0, score=picky)
    scores = score(tmp_path / "clips.jsonl", predictions, plug_ins=[plug_in])
    assert [clip.status for clip in scores] == ["scored", "failed", "failed", "scored"]
    assert (scores[1].reason, scores[1].detail) == ("hang", "no answer in 30 s")
    assert (scores[2].reason, scores[2].detail) == (
        "metric:picky", "picky: ValueError: too quiet",
    )  # fmt: skip
    assert scores[1].metrics == scores[2].metrics == {}
    assert scores[3].metrics["estoi"] == 0
    assert (scores[3].counts["wer_fixed"], scores[3].text) == ((6, 6), {"fixed": ""})


def test_a_recogniser_that_raises_is_a_failure_of_its_column(tmp_path):
    scores = score(tmp_path / "c.jsonl", the_truth(), {"deaf": partial(Deaf, "deaf", "")})
    assert {clip.reason for clip in scores} == {"metric:wer_deaf"}
    assert "no ears" in scores[0].detail


def die(pair) -> float:
    import os

    os._exit(1)


def test_a_metric_that_kills_its_process_is_a_failure(tmp_path):
    deadly = Metric("deadly", "up", 0.0, score=die)
    predictions = the_truth()
    clip = next(iter(SAID))
    with Scorer({}, plug_ins=[deadly], workers=1) as scorer:
        one = {clip: predictions[clip]}
        only = list(scorer.score(references()[:1], one, tmp_path / "c.jsonl"))
    assert [(one.status, one.reason) for one in only] == [("failed", "metric:crash")]


def test_a_killed_run_goes_on_and_gives_the_same_file(tmp_path):
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    scores = score(whole, the_truth())
    lines = whole.read_text().splitlines(keepends=True)
    killed.write_text(lines[0].replace('"stoi": 1.0', '"stoi": 0.25') + lines[1] + lines[2][:40])
    again = score(killed, the_truth())
    assert [clip.id for clip in again] == list(SAID)
    assert killed.read_text().splitlines()[1:] == whole.read_text().splitlines()[1:]
    assert again[1:] == scores[1:]
    assert killed.read_text().count("\n") == len(SAID)


def test_finished_clips_are_not_scored_again(tmp_path):
    out = tmp_path / "clips.jsonl"
    scores = score(out, the_truth())
    before = out.read_bytes()
    assert score(out, {}) == scores
    assert out.read_bytes() == before


def test_lines_of_other_recognisers_are_refused(tmp_path):
    score(tmp_path / "clips.jsonl", the_truth())
    with pytest.raises(ResultError, match=r"transcribed by fixed, not by judge"):
        score(tmp_path / "clips.jsonl", the_truth(), {"judge": partial(Fixed, "judge", "")})


def test_a_reference_without_a_prediction_is_an_error(tmp_path):
    with pytest.raises(ResultError, match="s1/bbaf2n has no prediction"):
        score(tmp_path / "clips.jsonl", {})


def test_references_are_taken_as_they_are_needed(tmp_path):
    """However many there are, no more than a few are in memory."""
    taken = []

    def many():
        for number in range(200):
            taken.append(number)
            yield Reference(f"s1/{number}", text_of("bbaf2n"))

    predictions = {f"s1/{n}": Prediction(f"s1/{n}", text="bin blue") for n in range(200)}
    out = tmp_path / "clips.jsonl"
    with Scorer({}, workers=1) as scorer:
        scores = scorer.score(many(), predictions, out)
        next(scores)
        assert len(taken) < 20
        assert len(ClipsFile(out)) == 1
        scores.close()


def test_lipreading_counts_words_characters_sentences_and_slots(tmp_path):
    said = [Reference(clip, text) for clip, text in SAID.items()]
    heard = {clip: Prediction(clip, text="Bin blue at F 2 now") for clip in SAID}
    with Scorer({}, workers=1) as scorer:
        first, second, *_ = scorer.score(said, heard, tmp_path / "clips.jsonl")
    assert (first.metrics, first.counts) == ({"ser": 0.0}, {"wer": (0, 6), "cer": (0, 21)})
    assert (second.metrics, second.slots) == ({"ser": 1.0}, {"slot": (0,) * 6})
    assert first.text == {"system": "bin blue at f two now"}
    assert first.raw_text == {"system": "Bin blue at F 2 now"}


def test_an_older_protocol_averages_its_own_error_rate(tmp_path):
    shorter = {"fixed": partial(Fixed, "fixed", "bin blue at")}
    clips = score(tmp_path / "c.jsonl", the_truth(), shorter, protocol="mira-2021")
    assert clips[0].metrics["wer_fixed"] == pytest.approx(3 / 3)
    assert set(clips[0].metrics) == {"pesq_nb_raw", "stoi_wrapped", "mfcc_distance", "wer_fixed"}
    assert clips[0].counts == {}
    clips = score(tmp_path / "d.jsonl", the_truth(), shorter, protocol="svts-2022")
    assert clips[0].metrics["wer_fixed"] == 0


def test_the_reference_audio_is_transcribed_alone(tmp_path):
    out = tmp_path / "true_audio.jsonl"
    with Scorer(FIXED, workers=1) as scorer:
        heard = list(scorer.transcribe(references(), out))
    assert heard[0] == ClipScore(
        "s1/bbaf2n", "scored",
        counts={"wer_fixed": (0, 6), "cer_fixed": (0, 21)},
        slots={"slot_fixed": (1,) * 6},
        text={"fixed": "bin blue at f two now"},
        raw_text={"fixed": "Bin BLUE at F2 now"},
    )  # fmt: skip
    with Scorer(FIXED, workers=1) as scorer:
        assert list(scorer.transcribe(references(), out)) == heard


def test_a_sound_is_transcribed_once_and_a_recogniser_made_once_per_process(tmp_path):
    file, same = tmp_path / "notes", references()[0].samples
    others = {clip: Prediction(clip, samples=same) for clip in SAID}
    with Scorer({"noted": partial(Noted, file)}, workers=2) as scorer:
        assert scorer.versions == scorer.versions == {"noted": "1"}
        of_references = list(scorer.transcribe(references(), tmp_path / "true.jsonl"))
        for name, predictions in (("truth", the_truth()), ("other", others)):
            scores = list(scorer.score(references(), predictions, tmp_path / f"{name}.jsonl"))
            assert [clip.raw_text for clip in scores] == [clip.raw_text for clip in of_references]
    made, transcribed = notes(file)
    assert len(made) == len(set(made)) <= 3
    assert made[0] == str(os.getpid())
    assert len(transcribed) == len(SAID)

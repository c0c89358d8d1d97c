"""Controls are what the protocol says, and order as a listener would order them."""

import hashlib
import os
import signal

import numpy as np
import pytest

from gridkit.compute.local import Workers
from gridkit.corpus.codes import ranked_ids
from gridkit.corpus.grammar import text_of
from gridkit.dsp.mel import log_mel
from gridkit.errors import InputError, UsageError
from gridkit.evaluation.predictions.controls import CONTROLS, PerClip, control_predictions
from gridkit.evaluation.predictions.records import Prediction, Reference
from gridkit.evaluation.scoring.scorer import PRELOAD, Scorer
from gridkit.media.decode import decode_clip
from gridkit.media.samples import fit_length
from gridkit.metrics.recognise import recogniser_factory
from gridkit.results.clip_table import tabulate
from gridkit.results.statistics import estimates

IDS = [*ranked_ids("s1")[3:0:-1], *ranked_ids("s2")[:2]]


def reference(clip: str, level: int = 1000) -> Reference:
    code = clip.split("/")[1]
    seed = int(hashlib.md5(code.encode()).hexdigest()[:6], 16)
    samples = level * np.random.default_rng(seed).standard_normal(48_000)
    return Reference(clip, text_of(code), samples.astype(np.int16))


REFERENCES = [reference(clip) for clip in IDS]
BY_ID = {clip.id: clip for clip in REFERENCES}


def predict(name, references=None, train=(), task="v2s", done=()):
    given = iter(references or REFERENCES), iter(train)
    with Workers(2, preload=PRELOAD) as workers:
        found = control_predictions(name, task, *given, workers, done=done)
        return {prediction.id: prediction for prediction in found}


@pytest.mark.parametrize("name", ["reference", "silence", "noise", "shuffled"])
def test_every_reference_gets_a_prediction_of_a_whole_clip(name):
    predictions = predict(f"control:{name}")
    assert sorted(predictions) == sorted(IDS)
    assert all(p.samples.shape == (48_000,) for p in predictions.values())
    assert all(p.samples.dtype == np.int16 for p in predictions.values())


def test_reference_is_the_truth_and_silence_is_zeros():
    for clip, prediction in predict("reference").items():
        assert (prediction.samples == BY_ID[clip].samples).all()
    assert not any(p.samples.any() for p in predict("silence").values())
    assert predict("reference", task="lipreading")[IDS[0]].text == text_of(IDS[0][3:])


def test_noise_is_seeded_by_the_id():
    seed = int(hashlib.sha256(b"s1/bbaf2n").hexdigest()[:8], 16)
    expected = np.rint(32768 * 0.05 * np.random.default_rng(seed).standard_normal(48_000))
    noise = predict("noise", [reference("s1/bbaf2n")])["s1/bbaf2n"].samples
    assert (noise == expected).all()


def test_shuffled_is_the_next_clip_of_the_speaker_by_rank():
    predictions = predict("shuffled")
    first, second, third = ranked_ids("s1")[1:4]
    for clip, following in ((first, second), (second, third), (third, first)):
        assert (predictions[clip].samples == BY_ID[following].samples).all()
    one, two = ranked_ids("s2")[:2]
    assert (predictions[two].samples == BY_ID[one].samples).all()


def test_shuffled_of_a_speaker_with_one_clip_is_the_next_clip_of_the_subset():
    """Its own sound would be the truth."""
    one, two, three = (ranked_ids(speaker)[0] for speaker in ("s1", "s3", "s4"))
    clips = [reference(one), *REFERENCES[3:], reference(two), reference(three)]
    truth = {clip.id: clip.samples for clip in clips}
    predictions = predict("shuffled", clips)
    assert sorted(predictions) == sorted(truth)
    following = {one: IDS[3], IDS[3]: IDS[4], IDS[4]: IDS[3], two: three, three: one}
    for clip, other in following.items():
        assert (predictions[clip].samples == truth[other]).all()
        assert (predictions[clip].samples != truth[clip]).any()


def test_shuffled_of_a_single_clip_is_refused():
    with pytest.raises(InputError, match=r"needs a second clip; there is only "):
        predict("shuffled", REFERENCES[:1])


def test_what_an_earlier_run_predicted_is_left_out():
    whole, rest = predict("shuffled"), predict("shuffled", done=IDS[:2])
    assert sorted(rest) == sorted(IDS[2:])
    assert all((rest[clip].samples == whole[clip].samples).all() for clip in rest)


def test_sound_through_mel_is_not_made_again(monkeypatch):
    made = []
    monkeypatch.setattr(Workers, "map_ordered", lambda *_: made.extend(_[2]) or [])
    assert predict("griffin-lim", done=IDS[:2]) == {}
    assert [clip.id for clip in made] == IDS[2:]


def end_on_the_second_clip(clip):
    if clip.id == IDS[1]:
        os.kill(os.getpid(), signal.SIGKILL)
    return Prediction(clip.id, samples=clip.samples)


def test_a_clip_that_ends_its_process_is_a_failed_one(monkeypatch):
    deadly = PerClip(end_on_the_second_clip)
    monkeypatch.setitem(CONTROLS["v2s"], "griffin-lim", deadly)
    predictions = predict("griffin-lim", REFERENCES[:2])
    assert sorted(predictions) == sorted(IDS[:2])
    failed = [prediction for prediction in predictions.values() if prediction.failure]
    assert [(one.id, one.failure) for one in failed] == [(IDS[1], "crash")]
    assert "died, twice" in failed[0].detail


def test_shuffled_refuses_speakers_that_are_mixed():
    mixed = [REFERENCES[0], REFERENCES[3], REFERENCES[1]]
    with pytest.raises(InputError, match="clips of s1 are not together"):
        predict("shuffled", mixed)


def test_average_is_one_sound_with_the_mean_log_mel():
    train = [reference(clip, level=2000) for clip in ranked_ids("s1")[10:14]]
    predictions = predict("average", train=train)
    sounds = {prediction.samples.tobytes() for prediction in predictions.values()}
    assert len(sounds) == 1
    mean = np.mean([log_mel(clip.samples / 32768) for clip in train], axis=0)
    got = log_mel(next(iter(predictions.values())).samples / 32768)
    assert np.corrcoef(got.ravel(), mean.ravel())[0, 1] > 0.6
    assert got.mean() == pytest.approx(mean.mean(), abs=0.3)


def test_majority_is_each_slots_most_frequent_train_word():
    train = [Reference(f"s1/{c}", text_of(c)) for c in ("bbaf2n", "bgaf7n", "lgbf2p", "bgbz2p")]
    predictions = predict("majority", train=train, task="lipreading")
    # at and by, now and please are equal: the first in the grammar
    assert {p.text for p in predictions.values()} == {"bin green at f two now"}


@pytest.mark.parametrize(("name", "task"), [("average", "v2s"), ("majority", "lipreading")])
def test_controls_that_need_train_clips_say_so(name, task):
    with pytest.raises(InputError, match="needs train clips"):
        predict(name, task=task)


def test_an_unknown_control_is_an_error_that_names_the_known():
    with pytest.raises(UsageError, match="there are control:reference, control:silence"):
        predict("majority")


@pytest.mark.grid
@pytest.mark.slow
def test_controls_order_as_a_listener_would(tmp_path, grid_dir):
    def read(ids):
        for clip in ids:
            samples = decode_clip(next((grid_dir / "video").glob(f"{clip}.m*"))).samples
            yield Reference(clip, text_of(clip[3:]), fit_length(samples, 48_000))

    test, train = list(read(ranked_ids("s1")[:5])), list(read(ranked_ids("s1")[200:220]))
    recognisers = {"pocketsphinx": recogniser_factory("pocketsphinx")}
    figures = {}
    for name in CONTROLS["v2s"]:
        predictions = predict(name, test, train)
        out = tmp_path / f"{name}.jsonl"
        with Scorer(recognisers) as scorer:
            scores = list(scorer.score(test, predictions, out))
        figures[name] = {key: e.value for key, e in estimates(tabulate(scores)).items()}
    truth = figures["reference"]
    assert {name: truth[name] for name in ("stoi", "estoi", "mcd_db", "lag_ms")} == pytest.approx(
        {"stoi": 1, "estoi": 1, "mcd_db": 0, "lag_ms": 0}, abs=1e-6
    )
    assert truth["pesq_nb"] > 4.5
    assert truth["pesq_wb"] > 4.6
    assert figures["silence"]["estoi"] == 0
    assert figures["silence"]["mcd_db"] == 20
    by_estoi = sorted(figures, key=lambda name: -figures[name]["estoi"])
    assert by_estoi[:2] == ["reference", "griffin-lim"]
    assert figures["griffin-lim"]["estoi"] > 0.85
    assert all(figures[name]["estoi"] < 0.1 for name in by_estoi[2:])
    wer = {name: figures[name]["wer_pocketsphinx"] for name in figures}
    assert wer["reference"] < 0.3
    assert wer["griffin-lim"] < 0.3 < 0.6 < wer["shuffled"] < wer["average"]
    assert wer["noise"] == wer["silence"] == 1
    assert figures["average"]["mcd_db"] < figures["shuffled"]["mcd_db"]
    assert figures["average"]["stoi"] > figures["shuffled"]["stoi"]

"""`gridkit.score`: the protocol's figures, for one pair and for lists, and what it refuses."""

import numpy as np
import pytest
import soxr

import gridkit
from gridkit.corpus.codes import ranked_ids
from gridkit.errors import MetricError, PairError
from gridkit.evaluation.scoring.score_clip import figures_of
from gridkit.metrics import pesq
from gridkit.metrics.registry import LAG
from gridkit.metrics.sound import score_sound
from gridkit.results.clip_table import tabulate
from gridkit.results.records import PROTOCOL, ClipScore
from gridkit.results.statistics import estimates

SAID, HEARD = "bin blue at f two now", "bin blue at e two now"


def test_one_sound_has_the_figures_of_the_protocol_and_no_others(voice, with_noise):
    noisy = with_noise(voice, 10)
    score = gridkit.score(voice, noisy)
    assert score.figures == score_sound(voice, noisy)
    assert set(score.figures) == {*figures_of("v2s", PROTOCOL, (), ()), LAG.name}
    assert score.estoi == score.figures["estoi"]
    with pytest.raises(AttributeError):
        score.estoi = 1.0
    assert repr(score).startswith(f"SoundScore(estoi={score.estoi:.4g}, stoi=")
    assert "ESTOI" in score._repr_html_()


def test_float_sound_is_rounded_as_a_prediction_is(voice, with_noise):
    noisy = with_noise(voice, 10)
    exact = gridkit.score(voice, noisy)
    assert gridkit.score(voice / 32768, (noisy / 32768).astype(np.float32)) == exact
    assert gridkit.score(voice, noisy / 32768 + 0.4 / 32768) == exact


def test_any_rate_and_a_little_less_than_3_s(voice):
    high = soxr.resample(voice / 32768, 16_000, 22_050, quality="VHQ")
    assert gridkit.score(voice, high, 22_050, reference_rate_hz=16_000).estoi > 0.999
    assert gridkit.score(high, high, rate_hz=22_050).mcd_db == 0
    short = voice[:-1_600]
    assert gridkit.score(voice, short) == gridkit.score(voice, np.pad(short, (0, 1_600)))


def test_a_lag_is_found_and_taken_out(voice, late):
    score = gridkit.score(voice, late(voice, 960))
    assert score.lag_ms == 60
    assert score.estoi < 0.6 < score.estoi_aligned
    assert "estoi_aligned=" in repr(score)


def test_silence_gets_the_floors_and_has_no_lag(voice):
    score = gridkit.score(voice, np.zeros(48_000))
    assert (score.estoi, score.pesq_nb, score.mcd_db, score.lag_ms) == (0, 1, 20, None)
    assert "lag_ms" not in score.figures


def test_sound_beyond_full_scale_is_clipped_and_says_so(voice):
    loud = voice / 32768 * 10
    with pytest.warns(UserWarning, match=r"prediction: .*% of it is beyond"):
        clipped = gridkit.score(voice, loud)
    assert clipped == gridkit.score(voice, loud.clip(-1, 1))


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.full(48_000, np.nan), "prediction: 48000 of 48000 samples are not finite"),
        (np.zeros((48_000, 2)), r"prediction: shape \(48000, 2\)"),
        (np.zeros(46_399), r"prediction: 46399 samples at 16000 Hz are 2\.900 s; a clip is 3 s"),
        (np.zeros(48_000, np.int32), "prediction: dtype int32; give int16, or float"),
        (object(), "prediction: dtype object"),
        ("bin blue", "reference is ndarray, prediction str"),
        ([np.zeros(48_000)], "reference is ndarray, prediction list"),
    ],
)
def test_what_cannot_be_scored_is_named_in_one_line(voice, prediction, message):
    with pytest.raises(PairError, match=message) as caught:
        gridkit.score(voice, prediction)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate_hz", [0, 16, 16_000.5, "16000", 1_000_000])
def test_a_wrong_rate_is_refused(voice, rate_hz):
    with pytest.raises(PairError, match=r"rate .*; give whole Hz from 4000 to 192000"):
        gridkit.score(voice, voice, rate_hz)


def test_text_has_its_rates_and_slots():
    score = gridkit.score(SAID, HEARD)
    assert (score.wer, score.cer, score.slots) == (1 / 6, 1 / 21, (1, 1, 1, 0, 1, 1))
    assert gridkit.score("Bin BLUE, at F2 now!", SAID).wer == 0
    with pytest.raises(PairError, match="has no word"):
        gridkit.score(" ?", SAID)


def test_texts_are_pooled_as_an_evaluation_pools_them():
    scores = gridkit.score([SAID, "a b c d e f g h"], [HEARD, ""])
    assert scores.metrics["wer"].value == pytest.approx(9 / 14)
    assert scores.metrics["ser"].value == 1
    assert "slot" not in scores.metrics
    assert gridkit.score([SAID] * 2, [SAID, HEARD]).metrics["slot"].value == pytest.approx(11 / 12)


def evaluated(ids, voice, with_noise):
    """A voice in noise for each clip, and the figures that an evaluation makes of them."""
    noisy = [with_noise(voice, 5 * place, seed=place) for place in range(len(ids))]
    lines = [
        ClipScore(clip, "scored", metrics=score_sound(voice, sound))
        for clip, sound in zip(ids, noisy, strict=True)
    ]
    return noisy, estimates(tabulate(lines))


@pytest.mark.parametrize("speakers", [1, 4])
def test_lists_have_the_estimates_of_an_evaluation(voice, with_noise, speakers):
    ids = [clip for n in range(1, speakers + 1) for clip in ranked_ids(f"s{n}")[: 5 - speakers]]
    noisy, expected = evaluated(ids, voice, with_noise)
    scores = gridkit.score([voice] * len(ids), noisy, ids=ids)
    assert dict(scores.metrics) == expected
    assert [score.estoi for score in scores.pairs] == [
        scores.to_pandas().loc[clip, "estoi"] for clip in ids
    ]
    over = "4 speakers" if speakers == 4 else "pairs: these speakers only (s1)"
    assert scores.interval_note == f"95 % intervals over {over}"
    assert len(scores) == scores.metrics["estoi"].n == len(ids)


def test_without_ids_the_interval_is_a_bootstrap_over_the_list(voice, with_noise):
    noisy = [with_noise(voice, ratio_db) for ratio_db in (0, 10, 20)]
    scores = gridkit.score((voice,) * 3, noisy)
    values = np.array([score.estoi for score in scores.pairs])
    drawn = values[np.random.default_rng(0).integers(0, 3, (2000, 3))].mean(axis=1)
    found = scores.metrics["estoi"]
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))))
    assert "3 pairs; 95 % intervals over pairs\n" in repr(scores)
    assert "95 % interval" in scores._repr_html_()


def test_a_metric_that_fails_is_an_error_for_one_and_a_failure_in_a_list(
    voice, with_noise, monkeypatch
):
    noisy = with_noise(voice, 10)

    def refuse(*_):
        raise ValueError("no utterance")

    whole = gridkit.score(voice, noisy)
    monkeypatch.setattr(pesq, "pesq_wb", refuse)
    with pytest.raises(MetricError, match="pesq_wb: ValueError: no utterance"):
        gridkit.score(voice, noisy)
    scores = gridkit.score([voice, voice], [noisy, np.zeros(48_000)])
    assert scores.pairs[0] is None
    assert scores.failed == {scores.ids[0]: "pesq_wb: ValueError: no utterance"}
    assert scores.metrics["estoi"].value == 0 < whole.estoi
    assert "2 pairs, 1 failed" in repr(scores)
    assert list(scores.to_pandas()["failed"]) == [True, False]


@pytest.mark.parametrize(
    ("references", "predictions", "ids", "message"),
    [
        ([SAID], [], None, "1 references and 0 predictions"),
        ([], [], None, "0 references and 0 predictions"),
        ([SAID, SAID], [SAID, 3], None, "pair 1: reference is str, prediction int"),
        ([SAID, ""], [SAID, SAID], ["s1/bbaf2n", "s1/bbaf3s"], r"pair 1 \(s1/bbaf3s\): the ref"),
        ([SAID, SAID], [SAID, SAID], ["s1/bbaf2n"] * 2, "1 different ids for 2 pairs"),
        ([SAID], [SAID], ["bbaf2n"], "'bbaf2n' is not an id"),
    ],
)
def test_lists_that_do_not_match_are_refused(references, predictions, ids, message):
    with pytest.raises(PairError, match=message):
        gridkit.score(references, predictions, ids=ids)

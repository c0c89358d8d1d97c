"""Figures and intervals against scipy and against arithmetic by hand."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gridkit.corpus.codes import codes_by_speaker
from gridkit.errors import ResultError
from gridkit.results import statistics
from gridkit.results.clip_table import tabulate
from gridkit.results.records import ClipScore
from gridkit.results.statistics import estimates, per_slot, per_speaker
from gridkit.results.wording import describe


def test_one_clip_has_no_interval():
    clip = ClipScore("s1/bbaf2n", "scored", metrics={"stoi": 0.5})
    (found,) = estimates(tabulate([clip])).values()
    assert (found.value, found.low, found.high, found.n) == (0.5, None, None, 1)
    assert describe("stoi").interval(found.low, found.high) == ""


def make_scores(speakers, clips, seed=0):
    """Scores with a spread within speakers and one between them."""
    rng = np.random.default_rng(seed)
    scores = []
    for speaker in speakers:
        own = rng.normal(0, 0.1)
        for code in codes_by_speaker()[speaker][:clips]:
            scores.append(
                ClipScore(
                    f"{speaker}/{code}",
                    "scored",
                    metrics={
                        "estoi": float(rng.normal(0.3 + own, 0.1)),
                        "mcd_db": float(rng.normal(4 - own, 0.5)),
                        "lag_ms": float(rng.integers(-40, 40)),
                    },
                    counts={
                        "wer_r": (int(rng.integers(0, 7)), 6),
                        "cer_r": (int(rng.integers(0, 20)), int(rng.integers(20, 30))),
                    },
                    slots={"slot_r": tuple(int(right) for right in rng.integers(0, 2, 6))},
                )
            )
    return scores


def failed(clip_id, reason="crash"):
    return ClipScore(clip_id, "failed", reason)


def column(scores, name):
    return np.array([score.metrics[name] for score in scores])


def test_headline_is_the_mean_over_clips_and_wer_is_pooled():
    scores = make_scores(["s1", "s2"], 15)
    found = estimates(tabulate(scores))
    assert found["estoi"].value == pytest.approx(column(scores, "estoi").mean(), abs=1e-12)
    errors, lengths = np.array([score.counts["cer_r"] for score in scores]).T
    assert found["cer_r"].value == pytest.approx(errors.sum() / lengths.sum(), abs=1e-12)
    assert found["cer_r"].value != pytest.approx((errors / lengths).mean(), abs=1e-6)
    right = np.mean([score.slots["slot_r"] for score in scores])
    assert found["slot_r"].value == pytest.approx(right, abs=1e-12)
    assert {estimate.n for estimate in found.values()} == {30}


def test_lag_is_the_median_and_the_mean_size():
    scores = make_scores(["s1"], 17)
    found = estimates(tabulate(scores))
    assert found["lag_ms"].value == np.median(column(scores, "lag_ms"))
    assert found["lag_ms_abs"].value == pytest.approx(np.abs(column(scores, "lag_ms")).mean())


def test_four_speakers_give_the_t_interval_over_their_own_values():
    scores = make_scores(["s1", "s2", "s4", "s29"], 12)[:-3]
    found = estimates(tabulate(scores))
    by_speaker = {}
    for score in scores:
        by_speaker.setdefault(score.id.split("/")[0], []).append(score)
    means = [column(clips, "estoi").mean() for clips in by_speaker.values()]
    pooled = [
        np.divide(*np.sum([score.counts["cer_r"] for score in clips], axis=0))
        for clips in by_speaker.values()
    ]
    medians = [np.median(column(clips, "lag_ms")) for clips in by_speaker.values()]
    for name, own in (("estoi", means), ("cer_r", pooled), ("lag_ms", medians)):
        low, high = stats.t.interval(0.95, 3, loc=found[name].value, scale=stats.sem(own))
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize("in_parts", [False, True])
def test_fewer_speakers_give_the_percentile_bootstrap_over_clips(monkeypatch, in_parts):
    scores = make_scores(["s1", "s2", "s4"], 11)
    if in_parts:
        monkeypatch.setattr(statistics, "_DRAWS_AT_ONCE", 777)
    found = estimates(tabulate(scores[::-1]))
    scores = sorted(scores, key=lambda score: score.id)
    n = len(scores)
    indices = np.random.default_rng(0).integers(0, n, (2000, n))
    errors, lengths = np.array([score.counts["cer_r"] for score in scores]).T
    direct = {
        "estoi": column(scores, "estoi")[indices].mean(axis=1),
        "cer_r": errors[indices].sum(axis=1) / lengths[indices].sum(axis=1),
        "lag_ms": np.median(column(scores, "lag_ms")[indices], axis=1),
    }
    for name, resampled in direct.items():
        expected = np.percentile(resampled, [2.5, 97.5], method="linear")
        assert (found[name].low, found[name].high) == pytest.approx(expected, abs=1e-12)


def test_bootstrap_agrees_with_scipy():
    scores = make_scores(["s1"], 80)
    found = estimates(tabulate(scores))["estoi"]
    library = stats.bootstrap(
        (column(scores, "estoi"),), np.mean, n_resamples=9999, method="percentile", rng=1
    ).confidence_interval
    width = library.high - library.low
    assert (found.low, found.high) == pytest.approx(library, abs=0.05 * width)


def test_many_clips_need_little_memory():
    scores = make_scores([f"s{number}" for number in (1, 2, 3)], 1_000)
    scores *= 4  # 12,000 clips, under new names
    scores = [replace(score, id=f"{score.id}{row}") for row, score in enumerate(scores)]
    tracemalloc.start()
    estimates(tabulate(scores))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # the indices of 2,000 resamples alone would be 192 MB
    assert peak_bytes < 120e6


def test_failed_clips_count_as_the_floor():
    scores = [
        ClipScore("s1/bbaf2n", "scored", metrics={"estoi": 0.5, "mcd_db": 4.0, "lag_ms": 8.0},
                  counts={"wer_r": (3, 6)}, slots={"slot_r": (1, 1, 1, 0, 0, 0)}),
        failed("s1/bbaf3s"),
    ]  # fmt: skip
    found = estimates(tabulate(scores))
    assert found["estoi"].value == 0.25
    assert found["mcd_db"].value == 12.0
    assert found["wer_r"].value == 9 / 12
    assert found["slot_r"].value == 0.25
    assert (found["estoi"].n, found["lag_ms"].n, found["lag_ms"].value) == (2, 1, 8.0)


def test_failed_clips_count_as_the_worst_scored_clip_where_that_is_worse():
    scores = [
        ClipScore("s1/bbaf2n", "scored", metrics={"estoi": -0.1, "mcd_db": 30.0},
                  counts={"wer_r": (9, 6), "cer_r": (40, 21)}),
        ClipScore("s1/bbaf3s", "scored", metrics={"estoi": 0.5, "mcd_db": 4.0},
                  counts={"wer_r": (0, 6), "cer_r": (0, 23)}),
        failed("s1/bbaf4p", "nan"),
    ]  # fmt: skip
    found = estimates(tabulate(scores))
    assert found["estoi"].value == pytest.approx((-0.1 + 0.5 - 0.1) / 3)
    assert found["mcd_db"].value == pytest.approx((30 + 4 + 30) / 3)
    assert found["wer_r"].value == pytest.approx((9 + 0 + 9) / 18)
    assert found["cer_r"].value == pytest.approx(
        (40 + 40 / 21 * len("bin blue at f four please"))
        / (21 + 23 + len("bin blue at f four please"))
    )


def test_a_failed_clip_weighs_as_much_as_another_where_error_rates_are_averaged():
    """As in an older protocol: a rate a clip, not errors and words."""
    rates = {"s1/bbaf2n": 0.25, "s1/bbaf3s": 0.5}
    scores = [ClipScore(clip, "scored", metrics={"wer_r": rate}) for clip, rate in rates.items()]
    found = estimates(tabulate([*scores, failed("s1/bbaf4p")]))
    assert found["wer_r"].value == pytest.approx((0.25 + 0.5 + 1) / 3)


@pytest.mark.parametrize("lost", [failed("s1/bbaf4p"), ClipScore("s1/bbaf4p", "scored")])
def test_without_a_floor_a_clip_without_a_figure_counts_as_the_worst_scored_one(lost):
    """A failed clip, and a silent one of which the metric cannot tell what it gets."""
    scores = [
        ClipScore("s1/bbaf2n", "scored", metrics={"mfcc_distance": 30.0, "lag_ms": 8.0}),
        ClipScore("s1/bbaf3s", "scored", metrics={"mfcc_distance": 50.0, "lag_ms": 8.0}),
        lost,
    ]
    found = estimates(tabulate(scores))
    assert found["mfcc_distance"].value == pytest.approx((30 + 50 + 50) / 3)
    assert (found["mfcc_distance"].n, found["lag_ms"].n) == (3, 2)
    assert "mfcc_distance" not in estimates(tabulate([lost], ["mfcc_distance"]))


@pytest.mark.parametrize(
    ("name", "floor"),
    [("estoi_aligned", 0), ("pesq_wb", 1.0), ("pesq_nb_raw", -0.5), ("mcd_db", 20), ("wer", 1)],
)
def test_where_all_failed_every_expected_figure_is_its_floor(name, floor):
    found = estimates(tabulate([failed("s1/bbaf2n"), failed("s1/bbaf3s")], [name]))
    assert (found[name].value, found[name].low, found[name].n) == (floor, floor, 2)


def test_a_scored_clip_without_a_figure_is_an_error_not_a_smaller_n():
    scores = make_scores(["s1"], 3)
    scores[1] = replace(scores[1], metrics={"estoi": 0.1})
    with pytest.raises(ResultError, match=rf"{scores[1].id} is scored but has no mcd_db"):
        estimates(tabulate(scores))


def test_the_same_clip_twice_is_an_error():
    scores = make_scores(["s1"], 3)
    with pytest.raises(ResultError, match="scored twice"):
        estimates(tabulate([*scores, scores[0]]))


def test_per_speaker_and_per_slot():
    scores = make_scores(["s10", "s2"], 6)
    scores[0] = failed(scores[0].id)
    table = tabulate(scores)
    speakers = per_speaker(table)
    assert list(speakers) == ["s2", "s10"]
    assert speakers["s2"]["estoi"] == pytest.approx(column(scores[6:], "estoi").mean())
    slots = per_slot(table)["slot_r"]
    letters = [score.slots["slot_r"][3] for score in scores[1:]]
    assert slots["letter"] == pytest.approx(sum(letters) / 12)
    assert list(slots) == ["command", "colour", "preposition", "letter", "digit", "adverb"]


def test_recognisers_own_error_on_the_same_true_sound():
    scores, true = make_scores(["s1"], 8), make_scores(["s1"], 9, seed=5)
    found = estimates(tabulate(scores), tabulate(true))
    errors = sum(score.counts["wer_r"][0] for score in true[:8])
    assert found["wer_r"].true_audio == pytest.approx(errors / 48)
    assert found["estoi"].true_audio is None
    with pytest.raises(ResultError, match=f"reference audio of {scores[7].id}"):
        estimates(tabulate(scores), tabulate(true[:7]))


@given(
    values=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=12),
    losses=st.sets(st.integers(0, 11)),
)
def test_a_failure_never_helps(values, losses):
    ids = [f"s1/{code}" for code in codes_by_speaker()["s1"][: len(values)]]
    whole = [ClipScore(i, "scored", metrics={"estoi": v}) for i, v in zip(ids, values, strict=True)]
    part = [
        failed(score.id) if row in losses and row > 0 else score for row, score in enumerate(whole)
    ]
    before, after = estimates(tabulate(whole))["estoi"], estimates(tabulate(part))["estoi"]
    assert after.value <= before.value + 1e-12
    assert after.n == before.n == len(values)
    assert after.low <= after.value + 1e-9
    assert after.value <= after.high + 1e-9

"""Which clips a comparison video shows."""

from pathlib import Path

import pytest

from gridkit.errors import UsageError
from gridkit.evaluation.video.choice import choose_clips
from gridkit.results.files import Scored
from gridkit.results.records import ClipScore, Result
from gridkit.results.system_card import SystemCard

IDS = ("s1/bbaf2n", "s1/bbaf3s", "s1/bbaf4p", "s1/bbaf5a", "s1/bbal6n")


def make_scored(values, metric="estoi"):
    clips = tuple(
        ClipScore(clip, "failed", "crash")
        if value is None
        else ClipScore(clip, "scored", metrics={metric: value})
        for clip, value in zip(IDS, values, strict=False)
    )
    result = Result("gridkit-1", "v2s", SystemCard("lip"), {}, {}, len(clips), {}, metric, {}, {})
    return Scored(Path("lip"), result, clips, None)


def ids(choices):
    return [choice.id[-5:] for choice in choices]


def test_best_median_and_worst_of_the_first_result():
    found = choose_clips(make_scored([0.5, 0.9, 0.1, 0.7, None]))
    assert ids(found) == ["baf3s", "baf5a", "baf4p"]
    assert [choice.why for choice in found] == [
        f"{place} clip of lip by ESTOI" for place in ("Best", "Median", "Worst")
    ]


def test_where_low_is_good_the_lowest_is_best():
    found = choose_clips(make_scored([3.0, 9.0, 1.0], "mcd_db"), name="lip, results/a")
    assert ids(found) == ["baf4p", "baf2n", "baf3s"]
    assert found[0].why == "Best clip of lip, results/a by MCD dB"


@pytest.mark.parametrize(("values", "count"), [([0.5], 1), ([0.5, 0.2], 2), ([None, 0.2], 1)])
def test_of_few_clips_each_is_shown_once(values, count):
    assert len(set(ids(choose_clips(make_scored(values))))) == count


def test_the_first_clips_where_all_failed():
    found = choose_clips(make_scored([None] * 4))
    assert ids(found) == ["baf2n", "baf3s", "baf4p"]
    assert {choice.why for choice in found} == {""}


def test_named_clips_in_the_order_of_their_names():
    scored = make_scored([0.5, 0.9, 0.1])
    found = choose_clips(scored, ["s1/bbaf4p", "s1/bbaf2n", "s1/bbaf4p"])
    assert ids(found) == ["baf4p", "baf2n"]
    assert {choice.why for choice in found} == {""}


def test_a_clip_that_the_results_do_not_have():
    with pytest.raises(UsageError) as error:
        choose_clips(make_scored([0.5, 0.9]), ["s1/bbaf2n", "s2/bbaf2n"])
    assert str(error.value) == (
        "--clip s2/bbaf2n: the results do not have this clip; they have 2 clips, such as s1/bbaf2n"
    )

"""What limits a result is said in a sentence, and nothing where nothing does."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.timings import make_timing

from gridkit.results.caveats import caveats, flags
from gridkit.results.files import Scored
from gridkit.results.ranks import rankable
from gridkit.results.records import ClipScore, Estimate, Result
from gridkit.results.system_card import SystemCard
from gridkit.results.timing import FailedTiming

RESULT = Result(
    protocol="gridkit-1",
    task="v2s",
    system=SystemCard("mine", isolation="landlock-6", contamination="clean"),
    corpus={"sha256": "0"},
    split={"name": "s1", "subset": "test"},
    n=100,
    failed={},
    rank_metric="estoi",
    metrics={"estoi": Estimate(0.5, 0.4, 0.6, 100)},
    versions={},
)
ESTIMATE = RESULT.metrics["estoi"]


def notes_of(timing=None, folder=Path("mine"), clips=(), **changes):
    found = caveats(Scored(folder, replace(RESULT, **changes), clips, timing))
    return tuple(caveat.sentence for caveat in found)


def flags_of(timing=None, **changes):
    return flags(caveats(Scored(Path("mine"), replace(RESULT, **changes), (), timing)))


def test_a_clean_result_needs_none():
    assert notes_of() == ()
    assert notes_of(make_timing()) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"missing": 3}, "Not ranked: 3 clips"),
        ({"corpus": {"synthetic": True}}, "synthetic"),
        ({"system": SystemCard(contamination="contaminated")}, "Contaminated"),
        ({"system": SystemCard(contamination="unknown")}, "Contamination unknown"),
        ({"system": SystemCard(stateful=True)}, "Stateful"),
        ({"system": SystemCard(isolation="none")}, "Isolation: none"),
        ({"metrics": {"wer_hf:org/name": ESTIMATE}}, "not known whether hf:org/name was trained"),
        ({"timing": make_timing(noisy=True)}, "Timing: noisy"),
        ({"timing": make_timing(clock_disputed=True)}, "clock-disputed"),
        (
            {"timing": make_timing(failed={"nan": 1, "crash": 2})},
            "failed are not in the figures (crash, nan)",
        ),
        ({"timing": FailedTiming("mine failed while it was timed")}, "Not timed: mine failed"),
    ],
)
def test_each_limit_is_one_sentence(changes, words):
    (note,) = notes_of(**changes)
    assert words in note
    assert note.endswith(".")


def test_what_failed_is_told_with_the_first_reason_and_where_to_look(tmp_path):
    clips = (
        ClipScore("s1/bbaf2n", "scored", metrics={"estoi": 0.5}),
        ClipScore("s1/bbaf3s", "failed", "crash", "RuntimeError: shapes cannot be multiplied"),
    )
    (few,) = notes_of(folder=tmp_path, clips=clips, failed={"crash": 5})
    assert few == (
        "Failed: crash 5; the first is s1/bbaf3s: RuntimeError: shapes cannot be multiplied. "
        f"{tmp_path}/clips.jsonl has each."
    )
    (tmp_path / "system.log").write_text("")
    many = notes_of(folder=tmp_path, clips=clips, failed={"crash": 5, "nan": 1})
    assert many[0].endswith("clips.jsonl has each, system.log has what it printed.")
    assert "more than 5 %" in many[1]


@pytest.mark.parametrize(
    ("changes", "flag", "bars_rank"),
    [
        ({"missing": 3}, "clips missing", True),
        ({"failed": {"nan": 6}}, "over 5 % failed", True),
        ({"system": SystemCard(contamination="contaminated")}, "contaminated", False),
        ({"system": SystemCard(contamination="unknown")}, "training unknown", False),
        ({"system": SystemCard(stateful=True)}, "stateful", False),
        ({"system": SystemCard(isolation="none")}, "isolation: none", False),
    ],
)
def test_each_limit_of_the_figures_has_a_flag_and_some_bar_a_rank(changes, flag, bars_rank):
    assert flags_of(**changes) == (flag,)
    assert rankable(replace(RESULT, **changes)) is not bars_rank


@pytest.mark.parametrize(
    ("contamination", "flag"),
    [
        ("clean", "clean as stated"),
        ("unknown", "training unknown"),
        ("contaminated", "contaminated"),
    ],
)
def test_of_predictions_it_is_said_that_nobody_ran_the_system_here(contamination, flag):
    card = SystemCard("predictions:theirs", contamination=contamination)
    assert flags_of(system=card) == (flag, "not run here")
    assert rankable(replace(RESULT, system=card))


def test_five_percent_failed_are_ranked_and_a_control_is_not():
    assert rankable(replace(RESULT, failed={"nan": 5}))
    assert not rankable(replace(RESULT, system=SystemCard("control:noise")))
    assert flags_of(system=SystemCard("control:noise", contamination="unknown")) == ()


def test_limits_of_a_latency_have_flags_but_for_what_is_in_no_figure():
    assert flags_of(make_timing(noisy=True, clock_disputed=True)) == ("noisy", "clock-disputed")
    assert flags_of(make_timing(failed={"nan": 1})) == flags_of(FailedTiming("why")) == ()

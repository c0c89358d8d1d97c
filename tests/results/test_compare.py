"""Paired tests against scipy, Holm by hand, ranks of results, refusals, the command."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gridkit.cli.compare import command
from gridkit.corpus.codes import codes_by_speaker
from gridkit.errors import ResultError
from gridkit.results import compare
from gridkit.results import files as results
from gridkit.results.clip_table import tabulate
from gridkit.results.files import Scored
from gridkit.results.records import ClipScore, Result
from gridkit.results.statistics import estimates
from gridkit.results.system_card import SystemCard


def make_scored(name, values, speakers=("s1",), errors=None, **changes):
    """A result whose clips have the given estoi values, shared out over speakers."""
    each = -(-len(values) // len(speakers))
    ids = [
        f"{speaker}/{code}" for speaker in speakers for code in codes_by_speaker()[speaker][:each]
    ]
    errors = errors or [0] * len(values)
    clips = tuple(
        ClipScore(clip, "failed", "crash")
        if value is None
        else ClipScore(
            clip, "scored", metrics={"estoi": float(value)}, counts={"wer_r": (wrong, 6)}
        )
        for clip, value, wrong in zip(ids, values, errors, strict=False)
    )
    result = Result(
        protocol="gridkit-1",
        task="v2s",
        system=SystemCard(name),
        corpus={"sha256": "c"},
        split={"name": "s1", "subset": "test"},
        n=len(clips),
        failed={"crash": n} if (n := sum(value is None for value in values)) else {},
        rank_metric="estoi",
        metrics=estimates(tabulate(clips)),
        versions={},
    )
    return Scored(Path(name), replace(result, **changes), clips, None)


def spread(n, mean, seed):
    return np.random.default_rng(seed).normal(mean, 0.1, n)


def test_few_speakers_are_compared_over_clips():
    one, two = spread(30, 0.3, 1), spread(30, 0.25, 2)
    found = compare.compare([make_scored("a", one), make_scored("b", two)])
    (pair,) = found.pairs
    library = stats.ttest_rel(one, two)
    interval = library.confidence_interval(0.95)
    assert pair.p == pytest.approx(library.pvalue, rel=1e-9)
    assert (pair.low, pair.high) == pytest.approx((interval.low, interval.high))
    assert pair.difference == pytest.approx(found.estimates[0].value - found.estimates[1].value)
    assert not found.over_speakers


def test_four_speakers_are_compared_over_their_means():
    speakers = ("s1", "s2", "s4", "s29")
    one, two = spread(40, 0.3, 1), spread(40, 0.2, 2)
    found = compare.compare([make_scored("a", one, speakers), make_scored("b", two, speakers)])
    means = (one - two).reshape(4, 10).mean(axis=1)
    assert found.pairs[0].p == pytest.approx(stats.ttest_1samp(means, 0).pvalue, rel=1e-9)
    assert found.over_speakers


def test_a_speaker_with_most_clips_does_not_turn_what_is_tested():
    speakers = np.array(["s1"] * 240 + [f"s{n}" for n in range(2, 11) for _ in range(4)])
    noise = np.random.default_rng(0).normal(0, 0.05, len(speakers))
    differences = np.where(speakers == "s1", -0.3, 0.3) + noise
    mean, low, high, p = compare.paired_test(differences, speakers)
    units = [differences[speakers == name].mean() for name in np.unique(speakers)]
    library = stats.ttest_1samp(units, 0)
    assert p == pytest.approx(library.pvalue)
    assert mean == pytest.approx(np.mean(units))
    assert (low, high) == pytest.approx(tuple(library.confidence_interval(0.95)))
    assert mean > 0 > differences.mean()


def test_wer_is_compared_by_the_clips_own_rates():
    one = make_scored("a", [0.1] * 4, errors=[0, 1, 2, 3])
    two = make_scored("b", [0.1] * 4, errors=[3, 1, 4, 6])
    found = compare.compare([one, two], "wer_r")
    assert found.pairs[0].p == pytest.approx(stats.ttest_rel([0, 1, 2, 3], [3, 1, 4, 6]).pvalue)
    assert found.pairs[0].difference == pytest.approx(-8 / 24)


def test_ranks_are_of_the_headline_alone(tmp_path):
    found = [make_scored("a", spread(30, 0.9, 1)), make_scored("b", spread(30, 0.1, 2))]
    assert compare.compare(found).ranks == (1, 2)
    other = compare.compare(found, "wer_r")
    assert other.ranks == (None, None)


def test_two_judges_of_one_name_are_told_apart():
    def judged(name, version, **more):
        versions = {"recogniser r": version, "normaliser": "1"} | more
        return make_scored(name, [0.1] * 4, versions=versions)

    assert compare.compare([judged("a", "1"), judged("b", "1", soxr="7")])
    assert compare.compare([judged("a", "1"), make_scored("b", [0.1] * 4)])
    with pytest.raises(ResultError, match="they differ in recogniser r;"):
        compare.compare([judged("a", "1"), judged("b", "2")])
    with pytest.raises(ResultError, match="they differ in normaliser;"):
        compare.compare([judged("a", "1"), judged("b", "1", normaliser="2")])


def test_equal_results_have_p_1_and_share_a_rank():
    values = spread(12, 0.3, 1)
    found = compare.compare([make_scored("a", values), make_scored("b", values)])
    assert (found.pairs[0].p, found.pairs[0].difference) == (1.0, 0.0)
    assert found.ranks == (1, 1)


def test_a_constant_difference_is_certain():
    *_, p = compare.paired_test(np.full(5, 0.25), np.array(["s1"] * 5))
    assert p == 0.0


def test_speakers_whose_means_do_not_differ_are_no_difference():
    """Though each of their clips does: the test is over speakers."""
    speakers = np.repeat(["s1", "s2", "s3", "s4"], 2)
    assert compare.paired_test(np.array([0.5, -0.5] * 4), speakers) == (0.0, 0.0, 0.0, 1.0)


def test_one_clip_tells_nothing():
    _, low, high, p = compare.paired_test(np.array([0.2]), np.array(["s1"]))
    assert (low, high, p) == (-np.inf, np.inf, 1.0)


def test_a_failed_clip_is_compared_at_its_floor():
    one = make_scored("a", [0.3, 0.4, None], missing=0)
    two = make_scored("b", [0.3, 0.4, 0.6])
    found = compare.compare([one, two])
    assert found.clips == 3
    assert found.pairs[0].difference == pytest.approx(-0.2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_its_definition(p_values):
    adjusted = compare.holm(p_values)
    m = len(p_values)
    ordered = sorted(range(m), key=lambda i: p_values[i])
    running = 0.0
    for step, i in enumerate(ordered):
        running = max(running, min(1.0, (m - step) * p_values[i]))
        assert adjusted[i] == pytest.approx(running)


def test_holm_runs_over_all_pairs_named():
    rows = [make_scored(name, spread(20, mean, i)) for i, (name, mean) in enumerate(
        [("a", 0.3), ("b", 0.25), ("c", 0.1)])]  # fmt: skip
    found = compare.compare(rows)
    assert [(p.first, p.second) for p in found.pairs] == list(combinations(range(3), 2))
    assert [p.p_holm for p in found.pairs] == compare.holm([p.p for p in found.pairs])
    assert max(p.p_holm / p.p for p in found.pairs) == pytest.approx(3)


def test_controls_failures_and_gaps_are_not_ranked_and_move_no_rank():
    values = list(spread(40, 0.3, 1))
    rows = [
        make_scored("control:reference", [1.0] * 40),
        make_scored("a", values),
        make_scored("many-failed", [None] * 3 + values[3:]),
        make_scored("two-failed", [None] * 2 + values[2:]),
        make_scored("gap", values, missing=1),
    ]
    assert compare.compare(rows).ranks == (None, 1, None, 1, None)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (make_scored("b", [0.1, 0.2], protocol="mira-2021"), "protocol"),
        (make_scored("b", [0.1, 0.2], corpus={"sha256": "d"}), "corpus hash"),
        (make_scored("b", [0.1, 0.2], task="lipreading"), "task"),
        (make_scored("b", [0.1, 0.2, 0.3]), "scored ids"),
        (make_scored("b", [0.1, 0.2], ("s2",), protocol="x"), "protocol, scored ids"),
    ],
)
def test_what_is_not_comparable_is_refused_by_name(other, named):
    with pytest.raises(ResultError, match=f"a and b cannot be compared: they differ in {named};"):
        compare.compare([make_scored("a", [0.1, 0.2]), other])


def test_a_metric_that_one_lacks_is_refused():
    rows = [make_scored("a", [0.1, 0.2]), make_scored("b", [0.1, 0.3])]
    with pytest.raises(ResultError, match="a has no pesq_wb; it has estoi, wer_r"):
        compare.compare(rows, "pesq_wb")


def test_one_result_is_no_comparison():
    with pytest.raises(ResultError, match="two results or more"):
        compare.compare([make_scored("a", [0.1])])


def save(scored, folder):
    results.write_result(folder, scored.result)
    (folder / "clips.jsonl").write_text("".join(map(results.clip_to_line, scored.clips)))
    return str(folder)


def test_command_prints_a_table_and_json(tmp_path):
    first = save(make_scored("good", spread(30, 0.5, 1)), tmp_path / "a")
    second = save(make_scored("[red]poor", spread(30, 0.2, 2)), tmp_path / "b")
    shown = CliRunner().invoke(command, [first, second], catch_exceptions=False).output
    assert "good" in shown
    assert "[red]poor" in shown
    assert "these speakers only" in shown
    shown = CliRunner().invoke(command, [first, second, "--json"], catch_exceptions=False).output
    content = json.loads(shown)
    assert [row["rank"] for row in content["results"]] == [1, 2]
    assert content["pairs"][0]["p"] < 1e-6


def test_command_refuses_what_cannot_be_compared(tmp_path):
    first = save(make_scored("a", [0.1, 0.2]), tmp_path / "a")
    second = save(make_scored("b", [0.1, 0.2], protocol="mira-2021"), tmp_path / "b")
    outcome = CliRunner().invoke(command, [first, second])
    assert isinstance(outcome.exception, ResultError)

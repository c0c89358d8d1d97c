"""What limits a result is said in a sentence, and nothing where nothing does."""

from dataclasses import replace

import pytest

from gridkit.evaluate.records import Estimate, Result
from gridkit.evaluate.report.notes import notes
from gridkit.evaluate.results import Scored

RESULT = Result(
    protocol="gridkit-1",
    task="v2s",
    system={"name": "mine", "isolation": "landlock-6", "contamination": "clean"},
    corpus={"sha256": "0"},
    split={"name": "s1", "subset": "test"},
    n=100,
    failed={"hang": 5},
    rank_metric="estoi",
    metrics={"estoi": Estimate(0.5, 0.4, 0.6, 100)},
    versions={},
)
ESTIMATE = RESULT.metrics["estoi"]


def notes_of(timing=None, folder=None, **changes):
    return notes(Scored(folder, replace(RESULT, **changes), (), timing))


def test_a_clean_result_needs_none():
    assert notes_of() == ()
    assert notes_of({"samples_ms": [1.0], "noisy": False, "clock_disputed": False}) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"missing": 3}, "Not ranked: 3 clips"),
        ({"failed": {"hang": 5, "nan": 1}}, "more than 5 %"),
        ({"corpus": {"synthetic": True}}, "synthetic"),
        ({"system": {"contamination": "contaminated"}}, "Contaminated"),
        ({"system": {"contamination": "unknown"}}, "Contamination unknown"),
        ({"system": {"stateful": True}}, "Stateful"),
        ({"system": {"isolation": "none"}}, "Isolation: none"),
        ({"metrics": {"wer_hf:org/name": ESTIMATE}}, "not known whether hf:org/name was trained"),
        ({"timing": {"samples_ms": [1.0], "noisy": True}}, "Timing: noisy"),
        ({"timing": {"samples_ms": [1.0], "clock_disputed": True}}, "clock-disputed"),
        (
            {"timing": {"samples_ms": [1.0], "failed": {"nan": 1, "crash": 2}}},
            "failed are in no figure (crash, nan)",
        ),
        ({"timing": {"error": "mine failed while it was timed"}}, "Not timed: mine failed"),
    ],
)
def test_each_limit_is_one_sentence(changes, words):
    (note,) = notes_of(**changes)
    assert words in note
    assert note.endswith(".")

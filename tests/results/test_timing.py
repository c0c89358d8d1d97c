"""`timing.json`: the same in as out, and clear refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.timings import make_timing

from gridkit.errors import ResultError
from gridkit.results.timing import (
    FailedTiming,
    percentiles,
    read_timing,
    timing_from_json,
    timing_to_json,
    write_timing,
)

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = sorted(RECIPES.glob("*/results/*/timing.json"))
LATER_KEYS = (
    "device_ms",
    "peak_memory_bytes",
    "throughput",
    "preprocess_ms",
    "failed",
    "relative_latency",
)


def changed(**values):
    content = json.loads(timing_to_json(make_timing())) | values
    return json.dumps({key: value for key, value in content.items() if value is not ...})


def test_some_are_shipped():
    assert len(SHIPPED) == 17


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parts[-4] + path.parts[-2])
def test_what_recipes_ship_comes_back_byte_for_byte(path):
    timing = read_timing(path.parent)
    assert timing_to_json(timing).encode() == path.read_bytes()
    assert timing.latency_ms.p50 in timing.samples_ms
    assert timing.device
    assert timing.threads


@pytest.mark.parametrize(
    "timing",
    [
        make_timing(),
        make_timing(np.arange(1.0, 1_001), throughput={"1": 3.0, "8": 5.5}, failed={"nan": 1}),
        make_timing(device_ms=percentiles([0.1]), peak_memory_bytes=1 << 30, relative_latency=0.5),
        make_timing(environment={"b": [1, "x"], "a": None, "device": "é"}),
        FailedTiming("m.py failed while it was timed: hang"),
    ],
)
def test_a_timing_comes_back(timing, tmp_path):
    write_timing(tmp_path, timing)
    assert read_timing(tmp_path) == timing
    assert (tmp_path / "timing.json").read_text() == timing_to_json(timing)


def test_a_system_that_was_not_timed_has_none(tmp_path):
    assert read_timing(tmp_path) is None


def test_the_file_of_a_system_that_could_not_be_timed():
    assert json.loads(timing_to_json(FailedTiming("why"))) == {"schema": 1, "error": "why"}


def test_files_of_before_these_keys_were_written_are_read():
    text = changed(**dict.fromkeys(LATER_KEYS, ...))
    assert timing_from_json(text) == make_timing()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "t.json is damaged"),
        ("[]", "expected an object, got list"),
        (changed(schema=2), "newer gridkit .schema 2.*pip install --upgrade"),
        (changed(schema=...), "schema is None, expected int"),
        (changed(latency_ms=...), "latency_ms missing"),
        (changed(surprise=1), "unknown keys: surprise"),
        (changed(error=1), "unknown keys: latency_ms"),
        (json.dumps({"schema": 1, "error": 1}), "error is 1, expected str"),
        (changed(noisy=1), "noisy is 1, expected bool"),
        (changed(first_call_ms="9"), "first_call_ms is '9', expected float"),
        (changed(latency_ms={"n": 1}), "latency_ms is damaged: mean, p50, p90, p99, max missing"),
        (changed(latency_ms=5.0), "latency_ms is damaged: expected an object, got float"),
        (changed(warm_up={"calls": 1, "seconds": 2.0}), "warm_up is damaged: settled missing"),
        (changed(samples_ms=[1.0, "2"]), "samples_ms: 1 is '2', expected float"),
        (changed(samples_ms="1"), "samples_ms is damaged: expected a list of numbers"),
        (changed(throughput={"8": None}), "throughput: 8 is None, expected float"),
        (changed(failed={"nan": 0.5}), "failed: nan is 0.5, expected int"),
        (changed(first_call_ms=10**400), "first_call_ms is too large"),
        (changed(failed={"nan": 10**400}), "failed: nan is too large"),
        (changed(environment=[]), "environment is damaged: expected an object, got list"),
        (changed(environment={"device": float("nan")}), "NaN is not a number"),
    ],
)
def test_a_timing_that_breaks_the_format_is_refused(text, message):
    with pytest.raises(ResultError, match=message):
        timing_from_json(text, "t.json")


def test_what_was_not_recorded_is_empty():
    timing = make_timing(environment={"threads": "two"})
    assert (timing.device, timing.threads) == ("", None)


def test_percentiles_are_samples_and_the_99th_needs_a_thousand():
    times_s = np.random.default_rng(0).gamma(2, 0.01, 999)
    figures = percentiles(times_s)
    ordered_ms = np.sort(times_s) * 1e3
    assert (figures.p50, figures.p90, figures.max) == tuple(ordered_ms[[499, 899, 998]])
    assert figures.mean == pytest.approx(ordered_ms.mean())
    assert figures.p99 is None
    assert percentiles([*times_s, 1.0]).p99 == ordered_ms[989]

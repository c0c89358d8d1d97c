"""Rows of a table of results, as a video-to-speech system has them."""

from dataclasses import replace

from gridkit.results.records import Estimate, Result
from gridkit.results.rows import Row, timed_row
from gridkit.results.system_card import SystemCard

NAMES = "estoi stoi pesq_nb pesq_wb mcd_db lag_ms lag_ms_abs wer_pocketsphinx wer_judge-s1".split()


def make_row(kind, name):
    """A row of plain figures, with three failed clips of 100."""
    metrics = {
        key: Estimate(-0.123456, -0.2, -0.1, 100, 0.105 if key.startswith("wer") else None)
        for key in NAMES
    }
    split = {"name": "s1", "subset": "test"}
    result = Result(
        "gridkit-1", "v2s", SystemCard(name), {}, split, 100, {"hang": 3}, "estoi", metrics, {}
    )
    return Row(kind, result, 123.4)


def limited_row(kind, name, timing=None, **changes):
    """The same with a timing, and changes of its result and, as `system`, of its card."""
    plain = make_row(kind, name).result
    system = replace(plain.system, **changes.pop("system", {}))
    return timed_row(kind, replace(plain, system=system, **changes), timing)

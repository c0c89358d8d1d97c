"""Each row says what limits it; the columns of a table."""

from dataclasses import replace

import pytest
from support.rows import limited_row, make_row
from support.timings import make_timing

from gridkit.results.rows import Row, columns


def test_each_row_says_what_limits_it():
    known = {"contamination": "contaminated", "stateful": True, "isolation": "none"}
    timing = make_timing(noisy=True, clock_disputed=True)
    bad = limited_row("reference", "bad", timing, system=known, failed={"nan": 6}, missing=1)
    assert bad.flags == (
        "clips missing", "over 5 % failed", "contaminated", "stateful", "isolation: none"
    )  # fmt: skip
    assert bad.latency_flags == ("noisy", "clock-disputed")
    good = limited_row("system", "good", make_timing(), system={"stateful": False})
    assert good.flags == good.latency_flags == ()


@pytest.mark.parametrize(
    ("name", "flags"), [("m.py", ("training unknown",)), ("control:noise", ())]
)
def test_a_system_of_which_nothing_is_known_says_so(name, flags):
    assert limited_row("system", name, system={"contamination": "unknown"}).flags == flags


def test_aligned_figures_stand_beside_aligned_nonsense_or_not_at_all():
    aligned = make_row("system", "mine").result
    aligned = replace(
        aligned, metrics=aligned.metrics | {"estoi_aligned": aligned.metrics["estoi"]}
    )
    mine, shuffled = Row("system", aligned), make_row("control", "control:shuffled")
    assert columns([mine])[1] == []
    assert columns([mine, shuffled])[1] == ["estoi_aligned"]

"""The table of a terminal fits it, whatever its width and however many recognisers there are."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from support.timings import make_timing

from gridkit.results.records import Estimate, Result
from gridkit.results.rows import Row, columns, final_table, timed_row
from gridkit.results.system_card import SystemCard

NAMES = "estoi stoi pesq_nb pesq_wb mcd_db lag_ms lag_ms_abs wer_pocketsphinx wer_judge-s1".split()


def row(kind, name):
    metrics = {
        key: Estimate(-0.123456, -0.2, -0.1, 100, 0.105 if key.startswith("wer") else None)
        for key in NAMES
    }
    split = {"name": "s1", "subset": "test"}
    result = Result(
        "gridkit-1", "v2s", SystemCard(name), {}, split, 100, {"hang": 3}, "estoi", metrics, {}
    )
    return Row(kind, result, 123.4)


@pytest.mark.parametrize("width", [72, 80, 100, 101, 102, 103, 120, 160, 200])
@pytest.mark.parametrize("name", ["mine", "n" * 60])
def test_nothing_is_cut(width, name):
    page = io.StringIO()
    console = Console(width=width, file=page)
    console.print(final_table([row("system", name), row("control", "control:silence")], width))
    text = page.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert text.count("123 ms") == text.count("3/100") == 2
    assert "…" not in text
    assert "ESTOI ↑" in text
    assert ("WER judge-s1 ↓" in text) == (width >= 80)
    assert ("WER pocketsphinx ↓" in text) == (width >= 100)


def printed(rows, width=160):
    page = io.StringIO()
    Console(width=width, file=page).print(final_table(rows, width))
    return page.getvalue()


def limited(kind, name, timing=None, **changes):
    plain = row(kind, name).result
    system = replace(plain.system, **changes.pop("system", {}))
    return timed_row(kind, replace(plain, system=system, **changes), timing)


def test_each_row_says_what_limits_it():
    known = {"contamination": "contaminated", "stateful": True, "isolation": "none"}
    timing = make_timing(noisy=True, clock_disputed=True)
    bad = limited("reference", "bad", timing, system=known, failed={"nan": 6}, missing=1)
    assert bad.flags == (
        "clips missing", "over 5 % failed", "contaminated", "stateful", "isolation: none"
    )  # fmt: skip
    assert bad.latency_flags == ("noisy", "clock-disputed")
    good = limited("system", "good", make_timing(), system={"stateful": False})
    text = printed([good, bad])
    for flag in (*bad.flags, *bad.latency_flags):
        assert text.count(flag) == 1
    assert good.flags == good.latency_flags == ()


@pytest.mark.parametrize(
    ("name", "flags"), [("m.py", ("training unknown",)), ("control:noise", ())]
)
def test_a_system_of_which_nothing_is_known_says_so(name, flags):
    assert limited("system", name, system={"contamination": "unknown"}).flags == flags


def test_aligned_figures_stand_beside_aligned_nonsense_or_not_at_all():
    aligned = row("system", "mine").result
    aligned = replace(
        aligned, metrics=aligned.metrics | {"estoi_aligned": aligned.metrics["estoi"]}
    )
    mine, shuffled = Row("system", aligned), row("control", "control:shuffled")
    assert columns([mine])[1] == []
    assert columns([mine, shuffled])[1] == ["estoi_aligned"]


@pytest.mark.parametrize("width", [80, 83])
def test_a_flag_costs_no_column_and_a_wide_column_no_narrow_one(width):
    disputed = make_timing(clock_disputed=True)
    mine = limited("system", "mine.py", disputed, system={"contamination": "unknown"})
    assert "WER pocketsphinx" in printed([limited("system", "mine.py")], width)
    assert "WER pocketsphinx" in printed([mine], width)
    for any_width in range(72, 160):
        shown = [
            printed([one], any_width).splitlines()[2] for one in (limited("system", "m"), mine)
        ]
        assert shown[0].split() == shown[1].split()
    wide = replace(mine.result, metrics={
        name: estimate
        for name, estimate in mine.result.metrics.items() if not name.startswith("wer")
    } | {"wer_" + "r" * 60: mine.result.metrics["wer_judge-s1"]})  # fmt: skip
    text = printed([Row("system", wide)], width)
    assert "rrr" not in text.split("95 %")[0]
    assert "STOI" in text.split("95 %")[0].replace("ESTOI", "")

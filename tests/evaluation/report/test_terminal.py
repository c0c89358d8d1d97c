"""The table of a terminal fits it, whatever its width and however many recognisers there are."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from support.rows import limited_row, make_row
from support.timings import make_timing

from gridkit.evaluation.report.terminal import final_table
from gridkit.results.rows import Row


@pytest.mark.parametrize("width", [72, 80, 100, 101, 102, 103, 120, 160, 200])
@pytest.mark.parametrize("name", ["mine", "n" * 60])
def test_nothing_is_cut(width, name):
    page = io.StringIO()
    console = Console(width=width, file=page)
    console.print(
        final_table([make_row("system", name), make_row("control", "control:silence")], width)
    )
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


def test_each_flag_is_printed_once():
    known = {"contamination": "contaminated", "stateful": True, "isolation": "none"}
    timing = make_timing(noisy=True, clock_disputed=True)
    bad = limited_row("reference", "bad", timing, system=known, failed={"nan": 6}, missing=1)
    good = limited_row("system", "good", make_timing(), system={"stateful": False})
    text = printed([good, bad])
    for flag in (*bad.flags, *bad.latency_flags):
        assert text.count(flag) == 1


@pytest.mark.parametrize("width", [80, 83])
def test_a_flag_costs_no_column_and_a_wide_column_no_narrow_one(width):
    disputed = make_timing(clock_disputed=True)
    mine = limited_row("system", "mine.py", disputed, system={"contamination": "unknown"})
    assert "WER pocketsphinx" in printed([limited_row("system", "mine.py")], width)
    assert "WER pocketsphinx" in printed([mine], width)
    for any_width in range(72, 160):
        shown = [
            printed([one], any_width).splitlines()[2] for one in (limited_row("system", "m"), mine)
        ]
        assert shown[0].split() == shown[1].split()
    wide = replace(mine.result, metrics={
        name: estimate
        for name, estimate in mine.result.metrics.items() if not name.startswith("wer")
    } | {"wer_" + "r" * 60: mine.result.metrics["wer_judge-s1"]})  # fmt: skip
    text = printed([Row("system", wide)], width)
    assert "rrr" not in text.split("95 %")[0]
    assert "STOI" in text.split("95 %")[0].replace("ESTOI", "")

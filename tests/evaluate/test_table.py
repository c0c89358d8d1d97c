"""The table of a terminal fits it, whatever its width and however many recognisers there are."""

import io

import pytest
from rich.console import Console

from gridkit.evaluate.records import Estimate, Result
from gridkit.evaluate.table import Row, final_table

NAMES = "estoi stoi pesq_nb pesq_wb mcd_db lag_ms lag_ms_abs wer_pocketsphinx wer_judge-s1".split()


def row(kind, name):
    metrics = {
        key: Estimate(-0.123456, -0.2, -0.1, 100, 0.105 if key.startswith("wer") else None)
        for key in NAMES
    }
    split = {"name": "s1", "subset": "test"}
    result = Result(
        "gridkit-1", "v2s", {"name": name}, {}, split, 100, {"hang": 3}, "estoi", metrics, {}
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

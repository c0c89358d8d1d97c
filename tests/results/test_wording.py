"""How figures are presented: those of gridkit, and those of a metric made as the page says."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from gridkit.metrics.registry import BUILT_IN, find_metric, plug_ins
from gridkit.metrics.sound import score_sound
from gridkit.results.records import Estimate, Result
from gridkit.results.rows import Row, cell, columns
from gridkit.results.system_card import SystemCard
from gridkit.results.wording import describe, order_key

PAGE = (Path(__file__).parents[2] / "docs/add-a-metric.md").read_text()


class Loudness(torch.nn.Module):
    """Stands for a predictor of opinion scores."""

    def forward(self, samples):
        return 1 + 4 * samples.abs().mean(dim=-1)


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def nmos(tmp_path, monkeypatch):
    """The metric of the page, installed as the page says; only the weights lie elsewhere."""
    torch.jit.script(Loudness()).save(tmp_path / "nmos.pt")
    module, test = code_blocks("python")
    [project] = code_blocks("toml")
    package = tmp_path / "my_metrics"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nmos.py").write_text(module.replace("/models", str(tmp_path)))
    [(group, entries)] = tomllib.loads(project)["project"]["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {place}" for name, place in entries.items())]
    about = tmp_path / "my_metrics-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my_metrics\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    for cached in (plug_ins, describe):
        cached.cache_clear()
    yield test
    for cached in (plug_ins, describe):
        cached.cache_clear()
    for name in ("my_metrics", "my_metrics.nmos"):
        sys.modules.pop(name, None)


def test_the_metric_of_the_page_scores_and_has_a_column_of_its_own(nmos, capsys):
    prediction = np.full(48_000, 16_384, np.int16)
    reference = np.random.default_rng(0).integers(-9_000, 9_000, 48_000).astype(np.int16)
    exec(nmos, {"reference": reference, "prediction": prediction})
    assert capsys.readouterr().out.startswith("3.0 ")
    facts = describe("nmos")
    assert (facts.label, facts.arrow, facts.meaning) == (
        "Neural MOS", "↑", "Predicted opinion score, 1 to 5."
    )  # fmt: skip
    metrics = {"nmos": Estimate(3.14159, 3.0, 3.2, 100), "estoi": Estimate(0.5, 0.4, 0.6, 100)}
    result = Result("gridkit-1", "v2s", SystemCard("mine"), {}, {}, 100, {}, "estoi", metrics, {})
    assert columns([Row("system", result)]) == (["estoi", "nmos"], [])
    assert (cell("nmos", metrics).value, cell("nmos", metrics).interval) == ("3.14", "3.00 to 3.20")
    # silence gets the floor, without the function
    assert score_sound(reference, 0 * reference, [find_metric("nmos")])["nmos"] == 1.0


def test_a_metric_that_is_not_installed_is_shown_by_its_name():
    facts = describe("nmos")
    assert (facts.label, facts.better, facts.text(3.14159)) == ("nmos", "", "3.142")


def test_every_metric_says_how_it_is_shown():
    for metric in BUILT_IN:
        assert metric.label, metric.name
        assert metric.meaning.endswith("."), metric.name
        assert "plug-in" not in metric.meaning, metric.name


def test_headings_are_those_that_tables_have_always_had():
    assert {metric.name: describe(metric.name).label for metric in BUILT_IN} == {
        "stoi": "STOI",
        "estoi": "ESTOI",
        "pesq_nb": "PESQ nb",
        "pesq_wb": "PESQ wb",
        "pesq_nb_raw": "PESQ nb raw",
        "mcd_db": "MCD dB",
        "lag_ms": "Lag ms",
        "wer": "WER",
        "cer": "CER",
        "ser": "SER",
        "slot": "Slots",
        "pesq_nb_16k": "PESQ nb 16k",
        "stoi_wrapped": "STOI wrapped",
        "mfcc_distance": "MFCC distance",
    }
    assert describe("lag_ms_abs").label == "|Lag| ms"
    assert describe("mcd_db_aligned").label == "MCD dB aligned"
    assert describe("wer_judge").label == "WER judge"


def test_columns_stand_in_one_order_and_those_of_plug_ins_last():
    names = ["slot_r", "nmos", "wer", "lag_ms", "stoi", "estoi", "estoi_aligned", "wer_r"]
    assert sorted(names, key=order_key) == [
        "estoi", "stoi", "lag_ms", "wer", "wer_r", "slot_r", "nmos", "estoi_aligned"
    ]  # fmt: skip

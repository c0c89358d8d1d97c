"""Metrics by name, those of other packages too: a tiny package is really installed on the path."""

import numpy as np
import pytest

from gridkit.errors import UsageError
from gridkit.metrics import registry
from gridkit.metrics.metric import Metric
from gridkit.metrics.recognise import recogniser_factory
from gridkit.metrics.registry import BUILT_IN, find_metric, plug_ins
from gridkit.metrics.sound import score_sound

MODULE = """
from gridkit.metrics.metric import Metric

def peak(pair):
    return float(abs(pair.prediction.samples).max())

METRIC = Metric("peak", better="up", floor=0.0, needs="prediction", score=peak)
WRONG = "no metric"

class Parrot:
    name, version = "parrot", "1"
    def __call__(self, samples):
        return "bin blue at f two now"
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package of one module on the path, with these entry points."""

    def put(entry_points: str) -> None:
        (tmp_path / "tinymetric.py").write_text(MODULE)
        about = tmp_path / "tinymetric-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tinymetric\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(entry_points)
        monkeypatch.syspath_prepend(tmp_path)
        plug_ins.cache_clear()

    yield put
    plug_ins.cache_clear()


def test_names_are_distinct_and_floors_are_those_of_the_protocol():
    names = [metric.name for metric in BUILT_IN]
    assert len(set(names)) == len(names)
    floors = {metric.name: metric.floor for metric in BUILT_IN}
    expected = {"stoi": 0, "estoi": 0, "pesq_nb": 1, "pesq_wb": 1, "pesq_nb_raw": -0.5,
                "mcd_db": 20, "wer": 1, "cer": 1, "lag_ms": None}  # fmt: skip
    assert {name: floors[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("column", "name"),
    [("estoi", "estoi"), ("estoi_aligned", "estoi"), ("wer_pocketsphinx", "wer"),
     ("slot_judge-s1", "slot"), ("lag_ms", "lag_ms"), ("pesq_nb_raw_aligned", "pesq_nb_raw")],
)  # fmt: skip
def test_columns_are_found(column, name):
    assert find_metric(column).name == name


@pytest.mark.parametrize("column", ["pesq", "estoi_best", "lag_ms_aligned", "wer_", "nmos"])
def test_unknown_columns_are_errors_that_name_the_known(column):
    with pytest.raises(UsageError, match=r"unknown metric .*; known are stoi, estoi"):
        find_metric(column)


def test_an_installed_metric_is_found_and_scored(install, voice):
    install("[gridkit.metrics]\npeak = tinymetric:METRIC\n")
    peak = find_metric("peak")
    assert plug_ins() == (peak,)
    assert score_sound(voice, voice, [peak])["peak"] == np.abs(voice).max() / 32768


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("peak = tinymetric:WRONG", "expected a Metric"),
        ("loud = tinymetric:METRIC", "of that name"),
    ],
)
def test_an_entry_that_is_no_metric_of_its_name_is_refused(install, entry, message):
    install(f"[gridkit.metrics]\n{entry}\n")
    with pytest.raises(UsageError, match=message):
        plug_ins()


def test_a_name_that_is_taken_is_refused(install, monkeypatch):
    install("[gridkit.metrics]\npeak = tinymetric:METRIC\n")
    monkeypatch.setattr(registry, "BUILT_IN", (Metric("peak", "up", 0.0, needs="text"),))
    with pytest.raises(UsageError, match="the name peak is taken"):
        plug_ins()


def test_an_installed_recogniser_is_found(install, voice):
    install("[gridkit.recognisers]\nparrot = tinymetric:Parrot\n")
    assert recogniser_factory("parrot")()(voice) == "bin blue at f two now"


@pytest.mark.parametrize(
    "wrong",
    [{"better": "high"}, {"needs": "video"}, {"score": None}, {"needs": "text"}, {"decimals": -1}],
)
def test_a_metric_that_contradicts_itself_is_refused(wrong):
    right = {"name": "m", "better": "up", "floor": 0.0, "score": lambda pair: 1.0}
    Metric(**right)
    with pytest.raises(UsageError, match="metric m"):
        Metric(**(right | wrong))

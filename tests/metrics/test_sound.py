"""Scores of a pair of sounds: they are the reference libraries' own, and shared work moves none."""

import numpy as np
import pystoi
import pytest
import soxr
from pesq import pesq

from gridkit.errors import MetricError
from gridkit.metrics.metric import Metric
from gridkit.metrics.sound import score_sound

RAW = ("stoi", "estoi", "pesq_nb", "pesq_wb", "pesq_nb_raw", "mcd_db")
FLOORS = {
    "stoi": 0, "estoi": 0, "pesq_nb": 1, "pesq_wb": 1, "pesq_nb_raw": -0.5, "mcd_db": 20,
}  # fmt: skip


def by_the_libraries(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """The figures as anyone gets them who calls the public libraries."""
    x, y = reference / 32768, prediction / 32768
    x_8khz, y_8khz = (soxr.resample(z, 16_000, 8_000, quality="VHQ") for z in (x, y))
    np.random.seed(0)
    return {
        "stoi": pystoi.stoi(x, y, 16_000),
        "estoi": pystoi.stoi(x, y, 16_000, extended=True),
        "pesq_nb": pesq(8_000, x_8khz, y_8khz, "nb"),
        "pesq_wb": pesq(16_000, x, y, "wb"),
    }


def assert_as_the_libraries(reference: np.ndarray, prediction: np.ndarray) -> None:
    figures = score_sound(reference, prediction)
    expected = by_the_libraries(reference, prediction)
    assert {name: figures[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    shift = int(figures["lag_ms"]) * 16
    moved = np.roll(prediction, -shift)
    moved[len(moved) - shift if shift > 0 else 0 : len(moved) if shift > 0 else -shift] = 0
    expected = by_the_libraries(reference, moved)
    aligned = {name: figures[f"{name}_aligned"] for name in expected}
    assert aligned == pytest.approx(expected, abs=1e-6)


def test_figures_are_those_of_the_libraries(voice, other_voice, with_noise, late):
    for prediction in (with_noise(voice, 5), late(with_noise(voice, 15), 480), other_voice):
        assert_as_the_libraries(voice, prediction)


@pytest.mark.grid
def test_figures_on_real_clips_are_those_of_the_libraries(real_clip, with_noise, late):
    clips = [real_clip(clip) for clip in ("s1/swbv2n", "s4/bbaf1p")]
    for clip, other in zip(clips, clips[1:] + clips[:1], strict=True):
        for prediction in (with_noise(clip, 0), late(clip, 333), other):
            assert_as_the_libraries(clip, prediction)


def test_the_truth_gets_the_top_of_every_scale(voice):
    figures = score_sound(voice, voice)
    top = {"stoi": 1, "estoi": 1, "pesq_nb_raw": 4.5, "mcd_db": 0, "lag_ms": 0}
    assert {name: figures[name] for name in top} == pytest.approx(top, abs=1e-6)
    assert figures["pesq_nb"] == pytest.approx(4.5486, abs=1e-3)
    assert figures["pesq_wb"] == pytest.approx(4.6439, abs=1e-3)


def test_every_figure_has_its_aligned_twin_and_there_is_one_lag(voice, with_noise):
    figures = score_sound(voice, with_noise(voice, 10))
    assert set(figures) == {*RAW, *(f"{name}_aligned" for name in RAW), "lag_ms"}


def test_a_prediction_60_ms_late_scores_aligned_as_it_would_on_time(voice, with_noise, late):
    noisy = with_noise(voice, 40)
    on_time, delayed = score_sound(voice, noisy), score_sound(voice, late(noisy, 960))
    assert delayed["lag_ms"] == 60
    assert delayed["estoi"] < on_time["estoi"] - 0.3
    for name in ("stoi", "estoi", "mcd_db"):
        assert delayed[f"{name}_aligned"] == pytest.approx(on_time[name], abs=0.02)


def test_silence_gets_the_floors_and_no_library_is_called(voice, monkeypatch):
    def refuse(*arguments, **named):
        raise AssertionError("a library was called")

    monkeypatch.setattr("gridkit.metrics.pesq.pesq", refuse)
    monkeypatch.setattr("gridkit.metrics.stoi.SpeechFrames", refuse)
    figures = score_sound(voice, np.zeros(48_000, np.int16))
    assert figures == FLOORS | {f"{name}_aligned": floor for name, floor in FLOORS.items()}


def test_without_a_floor_silence_gets_what_the_metric_gives_for_zeros(voice):
    def log_of_nothing(pair):
        return float(np.log(np.abs(pair.prediction.samples).max()))

    def peak(pair):
        return float(np.abs(pair.prediction.samples).max())

    metrics = [
        Metric("peak", "up", None, needs="prediction", score=peak),
        Metric("log_peak", "up", None, needs="prediction", score=log_of_nothing),
        Metric("offset", "zero", None, needs="prediction", score=peak),
    ]
    with np.errstate(divide="ignore"):
        figures = score_sound(voice, np.zeros(48_000, np.int16), metrics)
    assert set(figures) - {*FLOORS, *(f"{name}_aligned" for name in FLOORS)} == {"peak"}
    assert figures["peak"] == 0


def test_an_exception_of_a_library_names_its_metric(voice):
    with pytest.raises(MetricError, match=r"^pesq_nb: NoUtterancesError") as caught:
        score_sound(np.zeros(48_000, np.int16), voice)
    assert caught.value.metric == "pesq_nb"


def test_a_figure_that_is_not_finite_is_a_failure_of_its_metric(voice):
    broken = Metric("broken", "up", 0.0, needs="prediction", score=lambda pair: float("nan"))
    with pytest.raises(MetricError, match="broken: gave nan"):
        score_sound(voice, voice, [broken])


def test_the_global_generator_neither_matters_nor_moves(voice, other_voice):
    half_silent = np.where(np.arange(48_000) < 24_000, 0, other_voice).astype(np.int16)
    np.random.seed(1)
    first = score_sound(voice, half_silent)
    after = np.random.random()
    np.random.seed(1)
    assert np.random.random() == after
    np.random.seed(2)
    assert score_sound(voice, half_silent) == first


def test_plug_ins_are_scored_too_and_aligned_only_where_they_compare(voice, late):
    loudness = Metric(
        "loudness", "up", 0.0, needs="prediction",
        score=lambda pair: float(np.abs(pair.prediction.samples).max()),
    )  # fmt: skip
    distance = Metric(
        "distance", "down", 1.0,
        score=lambda pair: float(np.abs(pair.reference.samples - pair.prediction.samples).mean()),
    )  # fmt: skip
    figures = score_sound(voice, late(voice, 160), [loudness, distance])
    assert figures["loudness"] == np.abs(voice).max() / 32768
    assert figures["distance_aligned"] < figures["distance"] / 10
    assert "loudness_aligned" not in figures

"""All figures of one predicted sound: raw, aligned in time, and the lag."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from gridkit.errors import MetricError
from gridkit.metrics.lag import lag_ms, move
from gridkit.metrics.metric import Metric
from gridkit.metrics.pair import Pair, Sound
from gridkit.metrics.registry import ALIGNED, SOUND_METRICS


def score_sound(
    reference: np.ndarray, prediction: np.ndarray, plug_ins: Sequence[Metric] = ()
) -> dict[str, float]:
    """Score a prediction against its reference.

    Silence gets the floors without a metric being called, and has no lag. A metric without a
    floor is asked what it gives for zeros; one that cannot tell has no figure.

    Args:
        reference: int16 (48000,), 16 kHz.
        prediction: the same.
        plug_ins: metrics to compute besides the protocol's.

    Returns:
        Metric name to figure, `*_aligned` and `lag_ms` among them.

    Raises:
        MetricError: a metric raised an exception, or its figure is not finite.
    """
    metrics = (*SOUND_METRICS, *plug_ins)
    pair_metrics = [metric for metric in metrics if metric.needs == "pair"]
    pair = Pair(Sound.from_int16(reference), Sound.from_int16(prediction))
    if pair.prediction.silent:
        return _of_silence(pair, metrics) | _aligned(_of_silence(pair, pair_metrics))
    figures = _figures(pair, metrics)
    lag = _lag(pair)
    if lag == 0:
        aligned = {metric.name: figures[metric.name] for metric in pair_metrics}
    else:
        moved = Sound(move(pair.prediction.samples, -lag))
        aligned = _figures(Pair(pair.reference, moved), pair_metrics)
    return figures | _aligned(aligned) | {"lag_ms": float(lag)}


def score_plain(
    reference: np.ndarray, prediction: np.ndarray, metrics: Sequence[Metric]
) -> dict[str, float]:
    """Score a prediction by these metrics alone, as it is: neither aligned nor with a lag.

    Args:
        reference: int16 (48000,), 16 kHz.
        prediction: the same.
        metrics: those of an older protocol, say.

    Raises:
        MetricError: a metric raised an exception, or its figure is not finite.
    """
    return _figures(Pair(Sound.from_int16(reference), Sound.from_int16(prediction)), metrics)


def _lag(pair: Pair) -> int:
    try:
        return lag_ms(pair.reference.bands, pair.prediction.bands, pair.prediction.samples)
    except Exception as error:
        raise MetricError("lag_ms", _reason(error)) from error


def _figures(pair: Pair, metrics: Sequence[Metric]) -> dict[str, float]:
    if pair.prediction.silent:
        return _of_silence(pair, metrics)
    return {metric.name: _figure(pair, metric) for metric in metrics}


def _figure(pair: Pair, metric: Metric) -> float:
    assert metric.score is not None
    try:
        figure = float(metric.score(pair))
    except Exception as error:
        raise MetricError(metric.name, _reason(error)) from error
    if not np.isfinite(figure):
        raise MetricError(metric.name, f"gave {figure}")
    return figure


def _of_silence(pair: Pair, metrics: Sequence[Metric]) -> dict[str, float]:
    figures = {}
    for metric in metrics:
        if metric.floor is not None:
            figures[metric.name] = metric.floor
        elif metric.counts_every_clip:
            with suppress(MetricError):  # silence is not a failure
                figures[metric.name] = _figure(pair, metric)
    return figures


def _aligned(figures: dict[str, float]) -> dict[str, float]:
    return {f"{name}{ALIGNED}": figure for name, figure in figures.items()}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

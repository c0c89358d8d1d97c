"""Charts as numbers: where each mark stands, in percent of the plot, so that HTML can be any width.

The template draws them as inline SVG in percent units: text keeps its size on a phone, and
marks move with the width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_TICKS_A_SPEAKER = 200


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high`."""

    low: float
    high: float
    step: float

    def percent(self, value: float) -> float:
        """Return where a value stands, 0 to 100, cut at the ends."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    @property
    def ticks(self) -> list[float]:
        """Return the values that are labelled."""
        count = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(count + 1)]

    def label(self, value: float) -> str:
        """Return a tick's value with no more digits than the step has."""
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        return f"{value + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def nice_axis(values: Sequence[float], *, ticks: int = 5, from_zero: bool = True) -> Axis:
    """Return an axis of round numbers that holds all values.

    >>> axis = nice_axis([-0.03, 0.92])
    >>> axis.low, axis.high, axis.step
    (-0.2, 1.0, 0.2)
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-12:
        low, high = low - (0.0 if from_zero else 0.5), low + 1.0
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = 3 - math.floor(math.log10(step))
    return Axis(round(first * step, digits), round(last * step, digits), round(step, digits))


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram."""

    low: float
    high: float
    count: int


def histogram(samples: Sequence[float], bins: int = 40) -> tuple[list[Bin], int]:
    """Return a histogram of the fastest 99 %, and how many slower samples it leaves out.

    One slow call would else press all others into one bar.
    """
    values = np.sort(np.asarray(samples, float))
    cut = float(np.percentile(values, 99, method="inverted_cdf"))
    inside = values[values <= cut]
    counts, edges = np.histogram(inside, bins=min(bins, max(5, len(inside) // 3)))
    drawn = [
        Bin(float(low), float(high), int(count))
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return drawn, len(values) - len(inside)


def thin(values: Sequence[float]) -> list[float]:
    """Return at most 200 of the values, evenly over their order, the ends among them."""
    ordered = np.sort(np.asarray(values, float))
    count = min(len(ordered), MAX_TICKS_A_SPEAKER)
    picked = np.linspace(0, len(ordered) - 1, count).round().astype(int)
    return [float(value) for value in ordered[picked]]

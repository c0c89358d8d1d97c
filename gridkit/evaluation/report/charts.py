"""Charts as numbers: where each mark stands, in percent of the plot, so that HTML can be any width.

The template draws them as inline SVG in percent units: text keeps its size on a phone, and
marks move with the width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TICKS = 5
MAX_TICKS_A_SPEAKER = 200


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high`."""

    low: float
    high: float
    step: float
    in_percent: bool = False
    """Whether its values are shares, to be labelled in percent."""

    def percent(self, value: float) -> float:
        """Return where a value stands, 0 to 100, cut at the ends."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 3)

    @property
    def ticks(self) -> list[float]:
        """Return the values that are labelled: the multiples of the step."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [i * self.step for i in range(first, last + 1)]

    def anchor(self, value: float) -> str:
        """Return how a label stands at its tick so that it keeps inside the plot."""
        at = self.percent(value)
        return "start" if at < 3 else "end" if at > 97 else "middle"

    def label(self, value: float) -> str:
        """Return a tick's value with no more digits than the step has."""
        scale, unit = (100, " %") if self.in_percent else (1, "")
        digits = max(0, -math.floor(math.log10(self.step * scale) + 1e-9))
        return f"{value * scale + 0.0:.{digits}f}{unit}".replace("-", "\N{MINUS SIGN}")


def nice_axis(values: Sequence[float], *, from_zero: bool = True, in_percent: bool = False) -> Axis:
    """Return an axis with round ticks that holds all values, and ends soon after them.

    >>> axis = nice_axis([-0.03, 0.92])
    >>> axis.low, axis.high, axis.step
    (-0.05, 0.95, 0.2)
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-12:
        low, high = low - (0.0 if from_zero else 0.5), low + 1.0
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.75)
    part = step / 4
    first, last = math.floor(low / part + 1e-9), math.ceil(high / part - 1e-9)
    digits = 3 - math.floor(math.log10(step))
    ends = round(first * part, digits), round(last * part, digits)
    return Axis(*ends, round(step, digits), in_percent)


@dataclass(frozen=True)
class LogAxis:
    """A logarithmic axis from `low` to `high`, both over 0."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Return where a value stands, 0 to 100, cut at the ends."""
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return round(100 * min(share, 1.0), 3)

    @property
    def ticks(self) -> list[float]:
        """Return the values that are labelled: 1, 2 and 5 of each power of ten."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        every = [m * 10.0**power for power in powers for m in (1, 2, 5)]
        inside = [value for value in every if self.low <= value <= self.high]
        many = len(inside) > 2 * TICKS
        return [value for value in inside if not many or f"{value:e}".startswith("1")]

    def anchor(self, value: float) -> str:
        """Return how a label stands at its tick so that it keeps inside the plot."""
        at = self.percent(value)
        return "start" if at < 3 else "end" if at > 97 else "middle"

    def label(self, value: float) -> str:
        """Return a tick's value."""
        return f"{value:.12g}"


def log_axis(values: Sequence[float]) -> LogAxis:
    """Return a logarithmic axis that holds all values, with room at both ends.

    >>> log_axis([9.0, 130.0]).ticks
    [10.0, 20.0, 50.0, 100.0, 200.0]
    """
    room = 1.6
    return LogAxis(min(values) / room, max(values) * room)


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

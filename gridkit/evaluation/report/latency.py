"""What the report shows of a timing."""

from dataclasses import dataclass
from functools import cached_property

from gridkit.evaluation.report.charts import Axis, Bin, histogram, nice_axis
from gridkit.results.timing import FailedTiming, Timing


@dataclass(frozen=True)
class Latency:
    """How long a system takes for one clip, drawn as a histogram."""

    timing: Timing

    @property
    def samples_ms(self) -> tuple[float, ...]:
        """Return the time of each call."""
        return self.timing.samples_ms

    @property
    def p50_ms(self) -> float:
        """Return the median."""
        return self.timing.latency_ms.p50

    @property
    def real_time_factor(self) -> float:
        """Return the median over the length of a clip."""
        return self.timing.real_time_factor

    @property
    def marks(self) -> tuple[tuple[str, float], ...]:
        """Return the figures to mark: p50, p90, and p99 or the largest."""
        figures = self.timing.latency_ms
        tail = ("max", figures.max) if figures.p99 is None else ("p99", figures.p99)
        return ("p50", figures.p50), ("p90", figures.p90), tail

    @cached_property
    def _histogram(self) -> tuple[list[Bin], int]:
        return histogram(self.timing.samples_ms)

    @property
    def bins(self) -> list[Bin]:
        """Return the histogram of the fastest 99 %."""
        return self._histogram[0]

    @property
    def slower(self) -> int:
        """Return how many calls the histogram leaves out."""
        return self._histogram[1]

    @property
    def axis(self) -> Axis:
        """Return the time axis of the histogram."""
        return nice_axis([self.bins[0].low, self.bins[-1].high], from_zero=False)

    @property
    def conditions(self) -> tuple[tuple[str, str], ...]:
        """Return device, threads and what else was recorded, as text."""
        timing = self.timing
        found: dict[str, object] = dict(timing.environment)
        for key in ("first_call_ms", "peak_memory_bytes", "relative_latency"):
            found[key] = getattr(timing, key)
        if timing.preprocess_ms is not None:
            found["preprocess_ms, p50"] = timing.preprocess_ms.p50
        found |= {f"clips/s at batch {size}": rate for size, rate in timing.throughput.items()}
        return tuple(
            (key, f"{value:.4g}" if isinstance(value, float) else str(value))
            for key, value in found.items()
            if value is not None
        )


def latency_of(timing: Timing | FailedTiming | None) -> Latency | None:
    """Return what the report shows of a timing, None where the system was not timed."""
    return Latency(timing) if isinstance(timing, Timing) and timing.samples_ms else None

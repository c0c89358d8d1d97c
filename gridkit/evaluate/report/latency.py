"""What tables and the report take from `timing.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridkit.evaluate.report.charts import Axis, Bin, histogram, nice_axis
from gridkit.results.caveats import TIMING_FLAGS

CLIP_S = 3.0
MIN_CALLS_FOR_P99 = 1_000


@dataclass(frozen=True)
class Latency:
    """How long a system takes for one clip."""

    samples_ms: tuple[float, ...]
    flags: tuple[str, ...]
    """What is wrong with the figures: noisy, clock-disputed."""
    conditions: tuple[tuple[str, str], ...]
    """Device, threads and what else was recorded."""

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile as the protocol takes it, by the inverted distribution."""
        return float(np.percentile(self.samples_ms, percent, method="inverted_cdf"))

    @property
    def p50_ms(self) -> float:
        """Return the median."""
        return self.percentile_ms(50)

    @property
    def real_time_factor(self) -> float:
        """Return the median over the length of a clip."""
        return self.p50_ms / 1000 / CLIP_S

    @property
    def marks(self) -> tuple[tuple[str, float], ...]:
        """Return the figures to mark: p50, p90, and p99 or the largest."""
        enough = len(self.samples_ms) >= MIN_CALLS_FOR_P99
        tail = ("p99", self.percentile_ms(99)) if enough else ("max", max(self.samples_ms))
        return ("p50", self.p50_ms), ("p90", self.percentile_ms(90)), tail

    @property
    def bins(self) -> list[Bin]:
        """Return the histogram of the fastest 99 %."""
        return histogram(self.samples_ms)[0]

    @property
    def slower(self) -> int:
        """Return how many calls the histogram leaves out."""
        return histogram(self.samples_ms)[1]

    @property
    def axis(self) -> Axis:
        """Return the time axis of the histogram."""
        bins = self.bins
        return nice_axis([bins[0].low, bins[-1].high], from_zero=False)


def latency_of(timing: Mapping[str, object] | None) -> Latency | None:
    """Return the latency that a `timing.json` records, None where the system was not timed."""
    samples = (timing or {}).get("samples_ms")
    if timing is None or not isinstance(samples, Sequence) or not samples:
        return None
    return Latency(
        samples_ms=tuple(float(sample) for sample in samples),
        flags=tuple(
            f"{flag}, {meaning}"
            for key, (flag, meaning) in TIMING_FLAGS.items()
            if timing.get(key) is True
        ),
        conditions=_conditions(timing),
    )


def _conditions(timing: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    environment = timing.get("environment")
    found = dict(environment) if isinstance(environment, Mapping) else {}
    for key in ("first_call_ms", "peak_memory_bytes", "relative_latency"):
        found[key] = timing.get(key)
    before = timing.get("preprocess_ms")
    if isinstance(before, Mapping):
        found["preprocess_ms, p50"] = before.get("p50")
    throughput = timing.get("throughput")
    if isinstance(throughput, Mapping):
        found |= {f"clips/s at batch {size}": rate for size, rate in throughput.items()}
    return tuple(
        (key, f"{value:.4g}" if isinstance(value, float) else str(value))
        for key, value in found.items()
        if value is not None
    )

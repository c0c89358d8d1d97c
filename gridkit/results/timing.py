"""How long a system takes for a clip: `timing.json`, written and read here.

    {"schema": 1, "latency_ms": {"n": 100, "mean": 48.1, "p50": 47.9, ...}, "noisy": false, ...}

A system that could not be timed has the reason instead: `{"schema": 1, "error": "..."}`. Reading
is strict, as that of `result.json`. Times are in milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from gridkit.results.strict_json import (
    as_object,
    check_keys,
    check_schema,
    dump,
    mapping,
    numbers,
    optional,
    parse_object,
    printable_values,
    read_text,
    typed,
    values,
)
from gridkit.store.files import write_file

SCHEMA = 1
TIMING_FILE = "timing.json"
P99_CALLS = 1_000
"""Fewer times have no 99th percentile."""


@dataclass(frozen=True)
class Percentiles:
    """Figures of one series of times, in milliseconds; percentiles by `inverted_cdf`."""

    n: int
    mean: float
    p50: float
    p90: float
    p99: float | None
    """From 1,000 times only."""
    max: float


@dataclass(frozen=True)
class WarmUp:
    """The calls before the timed ones."""

    calls: int
    seconds: float
    settled: bool
    """Whether two successive blocks of calls took the same time, else the time was up."""


@dataclass(frozen=True)
class Timing:
    """What `timing.json` holds of a system that was timed."""

    latency_ms: Percentiles
    first_call_ms: float
    real_time_factor: float
    """p50 over the clip's 3 s."""
    clock_disputed: bool
    """Round trips took longer than the process's own clock explains, or what was timed is not what
    was scored."""
    noisy: bool
    """Over half the cores were busy before the start."""
    warm_up: WarmUp
    round_trip_ms: Percentiles
    transport_ms: Percentiles
    """Round trips of a system that answers at once."""
    samples_ms: tuple[float, ...]
    round_trip_samples_ms: tuple[float, ...]
    environment: Mapping[str, object]
    """Machine, versions, settings and load by name, in the order of the file."""
    device_ms: Percentiles | None = None
    """By CUDA's own events."""
    peak_memory_bytes: int | None = None
    throughput: Mapping[str, float] = field(default_factory=dict)
    """Batch size to clips per second, where the system has `batch`."""
    preprocess_ms: Percentiles | None = None
    """From the video file to the crop; not in the latency. None without the source clips."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Failure reason to calls that failed; their times are in no figure."""
    answers_apart: float | None = None
    """Share of compared answers that are not like those that were scored; None: not compared, and
    then it is not in the file."""
    relative_latency: float | None = None
    """p50 over that of the reference GAN, measured in the same run; None until it has weights."""

    @property
    def device(self) -> str:
        """Return what the system was timed on; empty where that was not recorded."""
        return str(self.environment.get("device", ""))

    @property
    def threads(self) -> int | None:
        """Return how many threads the system had; None where that was not recorded."""
        threads = self.environment.get("threads")
        return threads if isinstance(threads, int) else None


@dataclass(frozen=True)
class FailedTiming:
    """What `timing.json` holds of a system that could not be timed."""

    error: str


_NEEDED = tuple(
    field.name
    for field in fields(Timing)
    if field.default is MISSING and field.default_factory is MISSING
)


def percentiles(times_s: Sequence[float]) -> Percentiles:
    """Return the figures of a series of times given in seconds.

    >>> percentiles([0.001, 0.002, 0.003, 0.010]).p50
    2.0
    """
    times_ms = np.asarray(times_s) * 1e3
    p50, p90, p99 = np.percentile(times_ms, [50, 90, 99], method="inverted_cdf").tolist()
    return Percentiles(
        n=len(times_ms),
        mean=float(times_ms.mean()),
        p50=p50,
        p90=p90,
        p99=p99 if len(times_ms) >= P99_CALLS else None,
        max=float(times_ms.max()),
    )


def read_timing(folder: Path) -> Timing | FailedTiming | None:
    """Read the `timing.json` of a RESULT folder; None where the system was not timed.

    Raises:
        ResultError: it is damaged or too new.
    """
    path = folder / TIMING_FILE
    return timing_from_json(read_text(path), str(path)) if path.is_file() else None


def write_timing(folder: Path, timing: Timing | FailedTiming) -> Path:
    """Write `timing.json`, whole or not at all, and return its path."""
    path = folder / TIMING_FILE
    write_file(path, timing_to_json(timing).encode())
    return path


def timing_to_json(timing: Timing | FailedTiming) -> str:
    """Return a timing as the text of `timing.json`."""
    content = {"schema": SCHEMA} | asdict(timing)
    if content.get("answers_apart", 0.0) is None:
        del content["answers_apart"]
    return f"{dump(content, TIMING_FILE, indent=1)}\n"


def timing_from_json(text: str, where: str = TIMING_FILE) -> Timing | FailedTiming:
    """Return the timing that a `timing.json` holds.

    Args:
        text: the content of the file.
        where: its name, for messages.

    Raises:
        ResultError: it is not JSON, of a newer schema, or has a key missing, unknown or wrong.
    """
    content = as_object(printable_values(parse_object(text, where)), where)
    check_schema(content, SCHEMA, where)
    if "error" in content:
        check_keys(content, ("schema", "error"), ("error",), where)
        return FailedTiming(typed(content, "error", str, where))
    known = [field.name for field in fields(Timing)]
    check_keys(content, ["schema", *known], _NEEDED, where)
    return Timing(
        latency_ms=_percentiles(content, "latency_ms", where),
        first_call_ms=typed(content, "first_call_ms", float, where),
        real_time_factor=typed(content, "real_time_factor", float, where),
        clock_disputed=typed(content, "clock_disputed", bool, where),
        noisy=typed(content, "noisy", bool, where),
        warm_up=_warm_up(content, where),
        round_trip_ms=_percentiles(content, "round_trip_ms", where),
        transport_ms=_percentiles(content, "transport_ms", where),
        samples_ms=numbers(content, "samples_ms", where),
        round_trip_samples_ms=numbers(content, "round_trip_samples_ms", where),
        environment=mapping(content, "environment", where),
        device_ms=_optional_percentiles(content, "device_ms", where),
        peak_memory_bytes=optional(content, "peak_memory_bytes", int, where),
        throughput=values(content, "throughput", float, where),
        preprocess_ms=_optional_percentiles(content, "preprocess_ms", where),
        failed=values(content, "failed", int, where),
        answers_apart=optional(content, "answers_apart", float, where),
        relative_latency=optional(content, "relative_latency", float, where),
    )


def _warm_up(content: Mapping[str, object], where: str) -> WarmUp:
    where = f"{where}: warm_up"
    inner = as_object(content["warm_up"], where)
    check_keys(inner, names := [field.name for field in fields(WarmUp)], names, where)
    return WarmUp(
        typed(inner, "calls", int, where),
        typed(inner, "seconds", float, where),
        typed(inner, "settled", bool, where),
    )


def _optional_percentiles(
    content: Mapping[str, object], key: str, where: str
) -> Percentiles | None:
    return None if content.get(key) is None else _percentiles(content, key, where)


def _percentiles(content: Mapping[str, object], key: str, where: str) -> Percentiles:
    where = f"{where}: {key}"
    inner = as_object(content[key], where)
    names = [field.name for field in fields(Percentiles)]
    check_keys(inner, names, names, where)
    return Percentiles(
        n=typed(inner, "n", int, where),
        mean=typed(inner, "mean", float, where),
        p50=typed(inner, "p50", float, where),
        p90=typed(inner, "p90", float, where),
        p99=optional(inner, "p99", float, where),
        max=typed(inner, "max", float, where),
    )

"""Results as rows of a table: the user's system, references and controls; their cells as text.

Every figure has its interval; every row its n, failures and latency; a recogniser's figure
is shown next to its own on the reference audio of the same clips.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridkit.metrics.registry import ALIGNED
from gridkit.results.caveats import flags, result_caveats, timing_caveats
from gridkit.results.files import Scored
from gridkit.results.records import CONTROL_PREFIX, PROTOCOL, Estimate, Result
from gridkit.results.statistics import MIN_SPEAKERS_FOR_T
from gridkit.results.timing import FailedTiming, Timing
from gridkit.results.wording import LAG, LAG_SIZE, describe, order_key

KINDS = ("system", "reference", "control")
SMALL_PRINT = ("pesq_nb_raw", "cer_", "slot_")
"""Prefixes of figures that are not in the first table; aligned ones are not there either."""

WRONG_SPEECH = f"{CONTROL_PREFIX}shuffled"


@dataclass(frozen=True)
class Row:
    """One system of the table."""

    kind: str
    """`system` (the user's own), `reference` or `control`."""
    result: Result
    latency_ms: float | None = None
    """Median latency; None where the system was not timed."""
    device: str = ""
    """What it was timed on."""
    latency_flags: tuple[str, ...] = ()
    """What is wrong with the latency: noisy, clock-disputed."""

    @property
    def name(self) -> str:
        """Return what the system calls itself."""
        return self.result.name

    @property
    def failed(self) -> int:
        """Return how many clips failed."""
        return sum(self.result.failed.values())

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what limits the figures, a word each."""
        return flags(result_caveats(self.result))


@dataclass(frozen=True)
class Cell:
    """One figure as text."""

    value: str
    interval: str = ""
    footnote: str = ""
    """The recogniser's figure on the reference audio, or the mean size of the lag."""


def row_of(kind: str, scored: Scored) -> Row:
    """Return the row of a RESULT folder."""
    return timed_row(kind, scored.result, scored.timing)


def timed_row(kind: str, result: Result, timing: Timing | FailedTiming | None) -> Row:
    """Return the row of a result with the median, and the device, of its `timing.json`."""
    if not isinstance(timing, Timing):
        return Row(kind, result)
    limits = flags(timing_caveats(timing))
    return Row(kind, result, timing.latency_ms.p50, timing.device, limits)


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return rows with the user's system first, then references, then controls, each by rank."""

    def key(row: Row) -> tuple[int, float, str]:
        metric = row.result.rank_metric
        estimate = row.result.metrics.get(metric)
        value = estimate.value if estimate else float("-inf")
        lower = describe(metric).better == "down"
        return KINDS.index(row.kind), value if lower else -value, row.name

    return sorted(rows, key=key)


def columns(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Return the metrics of the first table, the headline first, and those of the small print."""
    names = sorted({name for row in rows for name in row.result.metrics}, key=order_key)
    names = [name for name in names if name != LAG_SIZE]
    # a search for the best lag improves wrong speech too: aligned figures need its row
    if not any(row.name == WRONG_SPEECH for row in rows):
        names = [name for name in names if not name.endswith(ALIGNED)]
    # an older protocol has few figures: all stand in the first table
    spared = SMALL_PRINT if rows[0].result.protocol == PROTOCOL else ()
    small = [name for name in names if name.startswith(spared) or name.endswith(ALIGNED)]
    main = [name for name in names if name not in small]
    headlines = {row.result.rank_metric for row in rows}
    return sorted(main, key=lambda name: name not in headlines), small


def cell(name: str, metrics: Mapping[str, Estimate]) -> Cell:
    """Return a figure as text, with its interval and footnote."""
    estimate = metrics.get(name)
    if estimate is None:
        return Cell("")
    facts = describe(name)
    footnote = ""
    if estimate.true_audio is not None:
        footnote = f"reference {facts.text(estimate.true_audio)}"
    elif name == LAG and LAG_SIZE in metrics:
        footnote = f"mean size {facts.text(metrics[LAG_SIZE].value)}"
    return Cell(
        facts.text(estimate.value),
        facts.interval(estimate.low, estimate.high),
        footnote,
    )


def latency_text(latency_ms: float | None) -> str:
    """Return a latency as text, empty where there is none.

    >>> latency_text(3.14159), latency_text(99.7), latency_text(1234.5), latency_text(None)
    ('3.1 ms', '100 ms', '1234 ms', '')
    """
    if latency_ms is None:
        return ""
    return f"{latency_ms:.0f} ms" if latency_ms >= 10 else f"{latency_ms:.2g} ms"


def interval_note(result: Result) -> str:
    """Say in one line what the intervals speak for."""
    speakers = len(result.speakers)
    if speakers >= MIN_SPEAKERS_FOR_T:
        return f"95 % intervals over {speakers} speakers"
    names = ", ".join(result.speakers)
    return f"95 % intervals over clips: these speakers only ({names})"


def latency_note(rows: Sequence[Row]) -> str:
    """Say in one line where reference systems were timed (not in this run); empty if none was."""
    timed = [row for row in rows if row.kind == "reference" and row.latency_ms is not None]
    devices = sorted({row.device for row in timed if row.device})
    return f"latency of references as timed on {', '.join(devices)}" if devices else ""

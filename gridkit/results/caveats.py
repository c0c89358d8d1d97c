"""What limits a result, in a word each: for a row of a table, and for whether it may be ranked.

`gridkit.evaluate.report.notes` says the same of the user's own system in sentences.
"""

from gridkit.results.records import Result
from gridkit.results.timing import FailedTiming, Timing

MAX_FAILED_SHARE = 0.05
TIMING_FLAGS = {
    "noisy": ("noisy", "over half the cores were busy before the start"),
    "clock_disputed": ("clock-disputed", "its own clock and the one outside disagree"),
}
"""Key of `timing.json` to the flag, and what it means."""


def result_flags(result: Result) -> tuple[str, ...]:
    """Return all that limits the figures of a result."""
    return (*rank_flags(result), *system_flags(result))


def rank_flags(result: Result) -> tuple[str, ...]:
    """Return what keeps a result from a rank, besides being a control.

    Those are clips that were not there, and more than 5 % failed.
    """
    found = ["clips missing"] if result.missing else []
    if sum(result.failed.values()) > MAX_FAILED_SHARE * result.n:
        found.append(f"over {100 * MAX_FAILED_SHARE:.0f} % failed")
    return tuple(found)


def system_flags(result: Result) -> tuple[str, ...]:
    """Return what a reader must know of a system: contaminated, stateful, not isolated."""
    contamination = result.system.contamination
    found = ["contaminated"] if contamination == "contaminated" else []
    if contamination == "unknown" and not result.is_control:
        found.append("training unknown")
    if result.system.stateful:
        found.append("stateful")
    if result.system.isolation == "none":
        found.append("isolation: none")
    return tuple(found)


def timing_flags(timing: Timing | FailedTiming | None) -> tuple[str, ...]:
    """Return what is wrong with a latency: noisy, clock-disputed."""
    return tuple(flag for key, (flag, _) in TIMING_FLAGS.items() if getattr(timing, key, False))


def rankable(result: Result) -> bool:
    """Tell whether a result may be ranked: no control, every clip there, at most 5 % failed."""
    return not result.is_control and not rank_flags(result)

"""What limits a result, in a word each: for a row of a table, and for whether it may be ranked.

`gridkit.evaluate.report.notes` says the same of the user's own system in sentences.
"""

from collections.abc import Mapping

from gridkit.evaluate.records import Result

MAX_FAILED_SHARE = 0.05
CONTROL_PREFIX = "control:"

_TIMING = {"noisy": "noisy", "clock_disputed": "clock-disputed"}


def is_control(result: Result) -> bool:
    """Tell whether a result is that of one of gridkit's own controls."""
    return str(result.system.get("name", "")).startswith(CONTROL_PREFIX)


def rank_flags(result: Result) -> tuple[str, ...]:
    """Return what keeps a result from a rank, besides being a control.

    Those are clips that were not there, and more than 5 % failed.
    """
    found = ["clips missing"] if result.missing else []
    if sum(result.failed.values()) > MAX_FAILED_SHARE * result.n:
        found.append(f"over {MAX_FAILED_SHARE:.0%} failed".replace("%", " %"))
    return tuple(found)


def system_flags(result: Result) -> tuple[str, ...]:
    """Return what a reader must know of a system: contaminated, stateful, not isolated."""
    contamination = str(result.system.get("contamination"))
    found = ["contaminated"] if contamination == "contaminated" else []
    if contamination == "unknown" and not is_control(result):
        found.append("training unknown")
    if result.system.get("stateful") is True:
        found.append("stateful")
    if result.system.get("isolation") == "none":
        found.append("isolation: none")
    return tuple(found)


def timing_flags(timing: Mapping[str, object] | None) -> tuple[str, ...]:
    """Return what is wrong with a latency: noisy, clock-disputed."""
    return tuple(word for key, word in _TIMING.items() if (timing or {}).get(key) is True)


def rankable(result: Result) -> bool:
    """Tell whether a result may be ranked: no control, every clip there, at most 5 % failed."""
    return not is_control(result) and not rank_flags(result)

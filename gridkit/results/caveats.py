"""What limits a result: one list, of which tables print the flags and the report the sentences.

A caveat that bars a rank keeps a result out of the ranking; a control has no rank either.
"""

from dataclasses import dataclass

from gridkit.hub.address import PREFIX
from gridkit.results.files import CLIPS_FILE, LOG_FILE, Scored
from gridkit.results.records import Result
from gridkit.results.sound_levels import FEWEST_SOUNDING, INAUDIBLE_DBFS, MOST_CLIPPED
from gridkit.results.timing import FailedTiming, Timing
from gridkit.results.wording import recogniser_of

MAX_FAILED_SHARE = 0.05
CONTAMINATED = "contaminated"
AS_STATED = "clean as stated"
NOT_RUN_HERE = "not run here"
STATEFUL = "stateful"
CLOCK_DISPUTED = "clock-disputed"
INAUDIBLE = "inaudible"
CLIPPED = "clipped"


@dataclass(frozen=True)
class Caveat:
    """One thing that a reader must know before the figures."""

    flag: str
    """A word or two for the row of a table; empty: the sentence alone."""
    sentence: str
    """For the report, and for the lines below the table."""
    bars_rank: bool = False


def caveats(scored: Scored) -> tuple[Caveat, ...]:
    """Return all that limits a RESULT folder, in the order of the report."""
    return (
        *failure_caveats(scored),
        *result_caveats(scored.result),
        *timing_caveats(scored.timing),
    )


def result_caveats(result: Result) -> tuple[Caveat, ...]:
    """Return what limits the figures of a result: what bars a rank comes first."""
    return (*_of_clips(result), *_of_system(result), *_of_recognisers(result))


def timing_caveats(timing: Timing | FailedTiming | None) -> tuple[Caveat, ...]:
    """Return what limits a latency, or why there is none."""
    if isinstance(timing, FailedTiming):
        return (Caveat("", f"Not timed: {timing.error}."),)
    if timing is None:
        return ()
    found = []
    if timing.noisy:
        found.append(
            Caveat("noisy", "Timing: noisy, over half the cores were busy before the start.")
        )
    if timing.clock_disputed:
        found.append(
            Caveat(
                CLOCK_DISPUTED,
                f"Timing: clock-disputed, {_why_disputed(timing)}.",
            )
        )
    if timing.failed:
        reasons = ", ".join(sorted(timing.failed))
        found.append(Caveat("", f"Timing: calls that failed are not in the figures ({reasons})."))
    return tuple(found)


def _why_disputed(timing: Timing) -> str:
    if timing.answers_apart:
        return (
            f"{100 * timing.answers_apart:.0f} % of the timed answers that were compared are not "
            "like the scored ones, or the system's own clock and the clock outside disagree"
        )
    return "the system's own clock and the clock outside disagree"


def failure_caveats(scored: Scored) -> tuple[Caveat, ...]:
    """Return how many clips failed, with the first of them, where any did."""
    failed = scored.result.failed
    if not failed:
        return ()
    counts = ", ".join(f"{reason} {count}" for reason, count in sorted(failed.items()))
    first = scored.table.first_failure
    example = f"; the first is {first[0]}: {first[1]}" if first else ""
    log = f", {LOG_FILE} has what it printed" if (scored.folder / LOG_FILE).is_file() else ""
    where = scored.folder / CLIPS_FILE
    return (Caveat("", f"Failed: {counts}{example}. {where} has each{log}."),)


def flags(found: tuple[Caveat, ...]) -> tuple[str, ...]:
    """Return the flags of caveats, those that have one."""
    return tuple(caveat.flag for caveat in found if caveat.flag)


def _of_clips(result: Result) -> list[Caveat]:
    found = []
    if result.missing:
        sentence = f"Not ranked: {result.missing} clips of the split were not there."
        found.append(Caveat("clips missing", sentence, bars_rank=True))
    if sum(result.failed.values()) > MAX_FAILED_SHARE * result.n:
        share = f"{100 * MAX_FAILED_SHARE:.0f} %"
        sentence = f"Not ranked: more than {share} of the clips failed."
        found.append(Caveat(f"over {share} failed", sentence, bars_rank=True))
    inaudible = result.sound.get("inaudible_clips", 0)
    if inaudible and not result.is_control:
        sentence = (
            f"Not ranked: {inaudible:.0f} of {result.n} clips are inaudible (under "
            f"{INAUDIBLE_DBFS} dBFS, or fewer than {FEWEST_SOUNDING} samples that are not 0)."
        )
        found.append(Caveat(INAUDIBLE, sentence, bars_rank=True))
    clipped = result.sound.get("clipped_clips", 0)
    if clipped and not result.is_control:
        sentence = (
            f"Clipped: in {clipped:.0f} of {result.n} clips over {100 * MOST_CLIPPED:.0f} % of the "
            f"samples are at full scale, {100 * result.sound['clipped']:.2g} % over all clips; "
            "sound is taken in [-1, 1], and what is beyond is cut off."
        )
        found.append(Caveat(CLIPPED, sentence))
    if result.is_synthetic:
        sentence = "Scored on synthetic clips: good for a trial, not for a comparison."
        found.append(Caveat("", sentence))
    return found


def _of_system(result: Result) -> list[Caveat]:
    found, system = [], result.system
    if system.contamination == "contaminated":
        sentence = "Contaminated: it was trained on clips, or speakers, that it is scored on."
        found.append(Caveat(CONTAMINATED, sentence))
    elif result.is_given and system.contamination == "clean":
        sentence = "Contamination as stated with the predictions (clean): it was not checked here."
        found.append(Caveat(AS_STATED, sentence))
    elif system.contamination == "unknown" and not result.is_control:
        sentence = "Contamination unknown: nothing says which clips it was trained on."
        found.append(Caveat("training unknown", sentence))
    if result.is_given:
        sentence = "Not run here: what made these predictions, and of what, is not known."
        found.append(Caveat(NOT_RUN_HERE, sentence))
    if system.stateful:
        sentence = "Stateful: asked twice about the same clip, it answered differently."
        found.append(Caveat(STATEFUL, sentence))
    if system.isolation == "none":
        sentence = "Isolation: none. Nothing kept the system from other files, such as the answers."
        found.append(Caveat("isolation: none", sentence))
    return found


def _of_recognisers(result: Result) -> list[Caveat]:
    """Return which recognisers, of the Hub, may have been trained on the scored clips."""
    judges = {recogniser_of(name) or "" for name in result.metrics}
    return [
        Caveat("", f"It is not known whether {judge} was trained on these clips.")
        for judge in sorted(judges)
        if judge.startswith(PREFIX)
    ]

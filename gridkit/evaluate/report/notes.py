"""What a reader must know before the figures of a result: on the page, and under the table."""

from gridkit.metrics.hub_recogniser import PREFIX
from gridkit.results.caveats import MAX_FAILED_SHARE, TIMING_FLAGS
from gridkit.results.files import CLIPS_FILE, LOG_FILE, Scored
from gridkit.results.records import Result
from gridkit.results.timing import FailedTiming, Timing
from gridkit.results.wording import recogniser_of


def notes(scored: Scored) -> tuple[str, ...]:
    """Return what limits a result, a sentence each."""
    return (
        *_on_failures(scored),
        *_on_rank(scored.result),
        *_on_system(scored.result),
        *_on_timing(scored.timing),
    )


def _on_failures(scored: Scored) -> list[str]:
    """Say what failed, and what the first clip that did had to say."""
    failed = scored.result.failed
    if not failed:
        return []
    counts = ", ".join(f"{reason} {count}" for reason, count in sorted(failed.items()))
    first = next((clip for clip in scored.clips if clip.status == "failed"), None)
    example = f"; the first is {first.id}: {first.detail or first.reason}" if first else ""
    log = f", {LOG_FILE} has what it printed" if (scored.folder / LOG_FILE).is_file() else ""
    return [f"Failed: {counts}{example}. {scored.folder / CLIPS_FILE} has each{log}."]


def _on_rank(result: Result) -> list[str]:
    found = []
    if result.missing:
        found.append(f"Not ranked: {result.missing} clips of the split were not there.")
    if sum(result.failed.values()) > MAX_FAILED_SHARE * result.n:
        found.append("Not ranked: more than 5 % of the clips failed.")
    if result.corpus.get("synthetic") is True:
        found.append("Scored on synthetic clips: good for a trial, not for a comparison.")
    return found


def _on_system(result: Result) -> list[str]:
    found = []
    if result.system.contamination == "contaminated":
        found.append("Contaminated: it was trained on clips, or speakers, that it is scored on.")
    elif result.system.contamination == "unknown" and not result.is_control:
        found.append("Contamination unknown: nothing says which clips it was trained on.")
    if result.system.stateful:
        found.append("Stateful: asked twice about the same clip, it answered differently.")
    if result.system.isolation == "none":
        found.append("Isolation: none. This machine could not keep the system from other files.")
    judges = {recogniser_of(name) or "" for name in result.metrics}
    found += [
        f"It is not known whether {judge} was trained on these clips."
        for judge in sorted(judges)
        if judge.startswith(PREFIX)
    ]
    return found


def _on_timing(timing: Timing | FailedTiming | None) -> list[str]:
    if isinstance(timing, FailedTiming):
        return [f"Not timed: {timing.error}."]
    if timing is None:
        return []
    words = [
        f"{flag}, {meaning}"
        for key, (flag, meaning) in TIMING_FLAGS.items()
        if getattr(timing, key)
    ]
    if timing.failed:
        words.append(f"calls that failed are in no figure ({', '.join(sorted(timing.failed))})")
    return [f"Timing: {word}." for word in words]

"""Audits of a submission: signs that its output, its times or its words are not what they seem.

They compare means over clips, and what they cannot see is said in leaderboard/RULES.md: words cut
out of the training set and put together along public alignments pass all of them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple

import numpy as np

from gridkit.compute.local import Workers
from gridkit.corpus.splits import Split
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.subset import Subset
from gridkit.leaderboard.comparison import chance_likeness, likenesses
from gridkit.leaderboard.likeness import Likeness, mean_likeness
from gridkit.leaderboard.submission import Submission
from gridkit.leaderboard.verdict import Finding
from gridkit.results.records import Result
from gridkit.results.timing import FailedTiming, Timing, percentiles

REJECTED_EXCESS = 0.25
"""Of wave and fine likeness over `control:shuffled`; honest systems of ours: .09 and .04."""
DOUBTED_WAVE, DOUBTED_FINE = 0.15, 0.10
DOUBTED_MEL = 0.92
"""Of the log-mel correlation itself; honest systems of ours: .88, the true mel: .99."""
COPIED_WAVE, COPIED_FINE = 0.65, 0.25
"""Of one clip, whatever chance gives: the most of any honest clip of ours is .48 and .15."""
MOST_COPIED, DOUBTED_COPIED = 0.05, 0.01
"""Shares of clips that may be alike to their recordings by so much."""
PROOF_WAVE = 0.9
"""Of one clip: no chance, and no system, gives that."""
MOST_REPEATED = 0.05
"""Share of clips that may have the same answer as another clip, in sound."""
MOST_SHARED = 0.05
"""Share of clips that may have the very answer of another submission, in sound."""
LONGEST_TEXT, MOST_FACTS = 500, 64
"""Of what `timing.json` says of the machine."""
FASTEST_MS = 0.02
"""A call through Python and back takes longer."""

Digests = Mapping[str, str]
"""Clip to the digest of its answer."""


def digests_of(predictions: Iterable[Prediction]) -> dict[str, str]:
    """Return a digest of each answer, by which answers are compared with those of others."""
    return {one.id: _digest(one) for one in predictions if one.failure is None}


def check_copies(
    subset: Subset, predictions: Mapping[str, Prediction], workers: Workers
) -> tuple[list[Finding], dict[str, float]]:
    """Return what speaks for sound that was made from the recordings, and the likenesses.

    Args:
        subset: the clips.
        predictions: sound by id.
        workers: processes that compare.
    """
    alike = likenesses(subset, predictions, workers)
    own, other = mean_likeness(alike), chance_likeness(subset, workers)
    excess = own - other
    copied = sum(_is_copied(one) for one in alike) / max(1, len(alike))
    evidence = {f"{name}_shuffled": value for name, value in asdict(other).items()}
    evidence |= asdict(own) | {"copied_clips": copied}
    measured = f"{excess.wave:.2f} in wave and {excess.fine:.2f} in fine structure"
    if max(excess.wave, excess.fine) >= REJECTED_EXCESS:
        text = f"the sound was made from the recordings: it is alike beyond chance by {measured}"
        return [Finding("rejected", "copied", text)], evidence
    proven = any(one.wave >= PROOF_WAVE for one in alike)
    if copied > DOUBTED_COPIED or proven:
        status = "rejected" if copied > MOST_COPIED or proven else "unverified"
        text = f"the sound of {copied:.0%} of the clips was made from their recordings"
        return [Finding(status, "copied", text)], evidence
    doubts = (
        (excess.wave, DOUBTED_WAVE, "wave"),
        (excess.fine, DOUBTED_FINE, "fine structure"),
        (own.mel, DOUBTED_MEL, "log-mel spectrogram"),
    )
    return [
        Finding("unverified", "copied", f"alike to the recordings in {what}: {value:.2f}")
        for value, most, what in doubts
        if value >= most
    ], evidence


def check_repeats(digests: Digests, task: str) -> Iterator[Finding]:
    """Yield where one answer serves many clips: of sound, no two are ever the same."""
    if task != "v2s" or not digests:
        return
    counts = Counter(digests.values())
    repeated = sum(count for count in counts.values() if count > 1) / len(digests)
    if repeated > MOST_REPEATED:
        yield Finding("unverified", "repeated", f"{repeated:.0%} of the clips share their sound")


def check_others(digests: Digests, task: str, others: Mapping[str, Digests]) -> Iterator[Finding]:
    """Yield whose answers these are besides; texts that are right are all alike."""
    if task != "v2s" or not digests:
        return
    for name, its in others.items():
        shared = sum(its.get(clip) == digest for clip, digest in digests.items()) / len(digests)
        if shared > MOST_SHARED:
            yield Finding(
                "unverified", "another's", f"{shared:.0%} of the sounds are those of {name}"
            )


def check_training(submission: Submission, split: Split) -> Iterator[Finding]:
    """Yield where what it was trained on and the split do not go together."""
    known, claim = submission.card.training_speakers, submission.result.system.contamination
    if claim == "contaminated":
        yield Finding("rejected", "contaminated", "it was trained on the clips it is scored on")
    if known is None:
        yield Finding("unverified", "training", "it is not known which speakers it was trained on")
    elif split.unseen_speakers:
        tested = {clip.split("/")[0] for clip in split.ids("test")}
        if met := sorted(tested & set(known)):
            yield Finding(
                "rejected",
                "contaminated",
                f"{split.name} is of unseen speakers, and it was trained on {', '.join(met)}",
            )
    if submission.card.uses_text:
        yield Finding("rejected", "text", "it is given the sentence; the board's tasks are without")


def check_timing(submission: Submission) -> Iterator[Finding]:
    """Yield why the claimed times cannot be believed."""
    timing = submission.timing
    if too_long := _too_long(timing):
        yield Finding("rejected", "timing", f"timing.json: {too_long}, more than a page shows")
    if not isinstance(timing, Timing):
        return
    samples = np.asarray(timing.samples_ms)
    doubts = (
        (len(samples) == 0 or samples.min() < FASTEST_MS, "calls that take no time"),
        (len(samples) > 1 and len(set(timing.samples_ms)) < len(samples) / 2, "equal times"),
        (not _percentiles_hold(timing), "percentiles that are not those of its calls"),
        (not _figures_hold(timing), "figures that cannot be"),
        (timing.clock_disputed, "disputed clocks, or answers that are not the scored ones"),
        (_device_contradicts(timing), "a device that the environment does not have"),
    )
    for doubted, what in doubts:
        if doubted:
            yield Finding("unverified", "timing", f"timing.json has {what}")


def check_claim(claimed: Result, found: Result) -> Iterator[Finding]:
    """Yield where claimed figures are not those that the output gives.

    Figures are equal to 1e-6 of their size: what sums in another order may differ by.
    """
    for name, estimate in found.metrics.items():
        claim = claimed.metrics.get(name)
        if claim is None:
            if name == found.rank_metric:
                yield Finding("rejected", "claim", f"{name} is not claimed; it heads the table")
            continue
        for part in ("value", "low", "high", "n"):
            one, two = getattr(claim, part), getattr(estimate, part)
            if (one is None) != (two is None) or (one is not None and not _near(one, two)):
                yield Finding(
                    "rejected", "claim", f"{name}: {part} {one} is claimed, the output gives {two}"
                )
                break
    if sum(claimed.failed.values()) != sum(found.failed.values()):
        yield Finding(
            "rejected",
            "claim",
            f"{sum(claimed.failed.values())} failed clips are claimed, "
            f"{sum(found.failed.values())} are there",
        )


def _is_copied(one: Likeness) -> bool:
    return one.wave >= COPIED_WAVE or one.fine >= COPIED_FINE


def _digest(one: Prediction) -> str:
    if one.samples is None:
        content = (one.text or "").encode()
    else:  # in 8 bits: a last bit here and there does not make it another sound
        content = np.round(one.samples / 256).astype(np.int8).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def _too_long(timing: Timing | FailedTiming | None) -> str:
    """Return what of a timing is too long to stand on a page; empty where nothing is."""
    if isinstance(timing, FailedTiming):
        return "a long error" if len(timing.error) > LONGEST_TEXT else ""
    if timing is None:
        return ""
    named = (timing.environment, timing.throughput, timing.failed)
    if any(len(one) > MOST_FACTS for one in named):
        return f"over {MOST_FACTS} entries"
    texts = (str(text) for one in named for entry in one.items() for text in entry)
    return "a long text" if any(len(text) > LONGEST_TEXT for text in texts) else ""


def _percentiles_hold(timing: Timing) -> bool:
    if not timing.samples_ms:
        return False
    own = astuple(percentiles([sample / 1e3 for sample in timing.samples_ms]))
    said = astuple(timing.latency_ms)
    return all(
        (one is None) == (two is None) and (one is None or _near(one, two))
        for one, two in zip(own, said, strict=True)
    )


def _figures_hold(timing: Timing) -> bool:
    """Tell whether what else is said of the times can be."""
    rates = timing.throughput.values()
    memory = timing.peak_memory_bytes
    factor = timing.latency_ms.p50 / 3_000
    return (
        timing.first_call_ms > 0
        and _near(timing.real_time_factor, factor)
        and all(0 < rate <= 1e3 / FASTEST_MS for rate in rates)
        and (memory is None or memory >= 0)
        and len(timing.round_trip_samples_ms) == len(timing.samples_ms)
    )


def _device_contradicts(timing: Timing) -> bool:
    """Tell whether a GPU is claimed by an environment that names none, or by no clock of one."""
    gpu = "cuda" in timing.device.lower() or timing.device_ms is not None
    named = any("gpu" in key or "cuda" in key for key in timing.environment)
    return gpu and not named


def _near(one: float, two: float) -> bool:
    return abs(one - two) <= 1e-6 * max(1.0, abs(one), abs(two))

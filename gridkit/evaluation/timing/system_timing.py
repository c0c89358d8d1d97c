"""Time the system of a run, into the `timing.json` of its RESULT folder."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from gridkit.errors import SystemFailedError
from gridkit.evaluation.model_files import ModelFiles
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.evaluation.timing.latency import TimedClip, time_system
from gridkit.evaluation.timing.preprocess import preprocess_times
from gridkit.results.system_card import SystemCard
from gridkit.results.timing import FailedTiming, Timing, percentiles, read_timing, write_timing

TIMED_CLIPS = 20


def is_timed(out: Path, options: Options, card: SystemCard) -> bool:
    """Return whether a folder has the times that are asked for; an error does not count."""
    timing = read_timing(out)
    if not isinstance(timing, Timing):
        return False
    if options.source is not None and card.crop is not None and timing.preprocess_ms is None:
        return False
    return timing.latency_ms.n >= (options.calls or 1)


@dataclass(frozen=True)
class TimingJob:
    """A system to be timed: whole, on one machine."""

    spec: ModelSpec
    files: ModelFiles
    """Its files; each process finds them as they were."""
    subset: Subset
    out: Path
    """The RESULT folder, with its predictions."""
    options: Options
    """How many calls, and where the source clips are."""
    card: SystemCard
    """What the result says of the system."""


def write_system_timing(job: TimingJob) -> None:
    """Time a system on clips that it can answer; where it cannot be timed the file says why.

    Raises:
        ModelChangedError: the system is not the one that predicted.
    """
    subset, options, crop = job.subset, job.options, job.card.crop
    timing: Timing | FailedTiming
    try:
        clips = _answered_clips(subset, job.out, crop)
        if not clips:
            raise SystemFailedError(f"{job.spec.text} has no answer for any clip")
        check = job.files.check
        with worker_of(job.spec, subset, options, job.out, before_start=check) as worker:
            timing = time_system(worker, clips, calls=options.calls)
        before_s = preprocess_times(subset, crop, options.source) if crop else []
        before = percentiles(before_s) if before_s else None
        timing = replace(timing, preprocess_ms=before)
    except SystemFailedError as error:
        timing = FailedTiming(str(error))
    write_timing(job.out, timing)


def _answered_clips(subset: Subset, out: Path, crop: str | None) -> list[TimedClip]:
    """Return the input of a few clips that the system has an answer for, with the answer."""
    input_of, predictions = subset.input_of(crop), PredictionWriter(out).saved()
    answered = (clip for clip in subset.ids if predictions[clip].failure is None)
    return [(input_of(clip), predictions[clip]) for clip in islice(answered, TIMED_CLIPS)]

"""Time the system of a run, into the `timing.json` of its RESULT folder."""

from dataclasses import replace
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


def write_system_timing(
    spec: ModelSpec,
    files: ModelFiles,
    subset: Subset,
    out: Path,
    options: Options,
    card: SystemCard,
) -> None:
    """Time a system on clips that it can answer; where it cannot be timed the file says why.

    Args:
        spec: the system.
        files: its files; each process finds them as they were.
        subset: the clips.
        out: the RESULT folder, with its predictions.
        options: how many calls, and where the source clips are.
        card: what the result says of the system.

    Raises:
        ModelChangedError: the system is not the one that predicted.
    """
    timing: Timing | FailedTiming
    try:
        clips = _answered_clips(subset, out, card.crop)
        if not clips:
            raise SystemFailedError(f"{spec.text} has no answer for any clip")
        with worker_of(spec, subset, options, out, before_start=files.check) as worker:
            timing = time_system(worker, clips, calls=options.calls)
        before_s = preprocess_times(subset, card.crop, options.source) if card.crop else []
        before = percentiles(before_s) if before_s else None
        timing = replace(timing, preprocess_ms=before)
    except SystemFailedError as error:
        timing = FailedTiming(str(error))
    write_timing(out, timing)


def _answered_clips(subset: Subset, out: Path, crop: str | None) -> list[TimedClip]:
    """Return the input of a few clips that the system has an answer for, with the answer."""
    input_of, predictions = subset.input_of(crop), PredictionWriter(out).saved()
    answered = (clip for clip in subset.ids if predictions[clip].failure is None)
    return [(input_of(clip), predictions[clip]) for clip in islice(answered, TIMED_CLIPS)]

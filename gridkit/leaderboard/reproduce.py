"""A maintainer runs code and weights in the blind worker: do they give what was submitted?

First the figures: those of a whole evaluation, beside those of the submission. Then 20 clips in
three changed forms (compressed again, moved by a pixel, mirrored): a system that knows the videos
by heart fails on them, one that looks at the mouth loses little. Its latency is measured by the
maintainer's own clock, which stands on the board beside the claim.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.records import Prediction, Reference
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.scoring.score_clip import ClipJob, score_clip
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.answers import Checked
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.leaderboard.verdict import CHANGED_CLIPS, LOST, Finding
from gridkit.leaderboard.verify import Checked as Verified
from gridkit.media.codecs import decode_crop, encode_crop
from gridkit.media.video import Planes
from gridkit.results.clip_table import tabulate
from gridkit.results.files import Scored
from gridkit.results.records import ClipScore, Estimate, Result
from gridkit.results.statistics import estimates
from gridkit.results.wording import describe

ANSWERED = {"copied"}
"""Doubts that a run answers: a system that is given frames alone has no recording to copy."""
AGREE = 0.1
"""Share of the interval's width by which figures may differ: sums in another order."""

Change = Callable[[np.ndarray], np.ndarray]


def reproduce(
    checked: Verified, spec: ModelSpec, subset: Subset, work: Path, options: Options
) -> Verified:
    """Return what was checked with the verdict, and the times, that a run of the system leaves.

    Args:
        checked: what `verify` found; one that is rejected, or in doubt for another reason than its
            sound, gets no better.
        spec: code and weights, downloaded.
        subset: the clips.
        work: for the RESULT of the run; a killed one resumes.
        options: device, recognisers and isolation, and whether it is timed.

    Raises:
        SystemLoadError: the system cannot be loaded.
    """
    before = checked.verdict
    doubts = {finding.code for finding in before.findings}
    if before.status == "rejected" or doubts - ANSWERED or checked.scored is None:
        return checked
    own = evaluate(spec, subset, work / "reproduced", options)
    findings = list(compare_figures(checked.scored.result, own.result))
    evidence = dict(before.evidence)
    width = _width(own.result.metrics[own.result.rank_metric])
    for name, loss in _losses(own, spec, subset, options).items():
        evidence[LOST + name] = loss
        if loss > width:
            findings.append(
                Finding(
                    "unverified",
                    "changed clips",
                    f"{name}: {own.result.rank_metric} is worse by {loss:.3f} on {CHANGED_CLIPS} "
                    f"clips, more than its interval is wide ({width:.3f})",
                )
            )
    status = "unverified" if findings else "reproduced"
    verdict = replace(before, status=status, findings=tuple(findings), evidence=evidence)
    return replace(checked, verdict=verdict, own_timing=own.timing)


def compare_figures(submitted: Result, own: Result) -> Iterator[Finding]:
    """Yield where the figures of a run are not those of the submission."""
    for name, claim in submitted.metrics.items():
        found = own.metrics.get(name)
        if found is not None and abs(found.value - claim.value) > max(1e-6, AGREE * _width(claim)):
            yield Finding(
                "unverified",
                "not reproduced",
                f"{name}: {claim.value:.4f} was submitted, code and weights give {found.value:.4f}",
            )


def _losses(own: Scored, spec: ModelSpec, subset: Subset, options: Options) -> dict[str, float]:
    """Return by how much the headline is worse where the frames are changed, by change."""
    metric = own.result.rank_metric
    references = {one.id: one for one in _some(subset)}
    kept = [clip for clip in own.clips if clip.id in references]
    unchanged = _headline(kept, metric)
    sign = 1 if describe(metric).better == "down" else -1
    losses = {}
    with worker_of(spec, subset, options) as worker:
        input_of = subset.input_of(worker.start().crop)
        for name, change in CHANGES.items():
            answers = {clip: worker.ask(change(input_of(clip))).checked for clip in references}
            scores = [
                score_clip(ClipJob(references[clip], _asked(answer, clip), {}))
                for clip, answer in answers.items()
            ]
            losses[name] = sign * (_headline(scores, metric) - unchanged)
    return losses


def _headline(clips: list[ClipScore], metric: str) -> float:
    return estimates(tabulate(clips, [metric]))[metric].value


def _some(subset: Subset) -> Iterator[Reference]:
    """Yield some of the clips, evenly over the ids."""
    wanted = set(subset.ids[:: max(1, len(subset.ids) // CHANGED_CLIPS)][:CHANGED_CLIPS])
    return (one for one in subset.references() if one.id in wanted)


def _asked(answer: Checked, clip: str) -> Prediction:
    return Prediction(clip, answer.samples, answer.text, answer.failure, answer.detail)


def _width(estimate: Estimate) -> float:
    if estimate.low is None or estimate.high is None:
        return 0.0
    return estimate.high - estimate.low


def _compressed(frames: np.ndarray) -> np.ndarray:
    if frames.ndim == 3:
        return decode_crop(encode_crop(Planes(frames, None))).luma
    return np.stack(
        [_compressed(np.ascontiguousarray(one)) for one in np.moveaxis(frames, 3, 0)], 3
    )


def _moved(frames: np.ndarray) -> np.ndarray:
    """Return the frames a pixel to the right, the left edge twice."""
    return np.concatenate([frames[:, :, :1], frames[:, :, :-1]], axis=2)


def _mirrored(frames: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frames[:, :, ::-1])


CHANGES: Mapping[str, Change] = {
    "compressed": _compressed,
    "moved": _moved,
    "mirrored": _mirrored,
}

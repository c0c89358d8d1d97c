"""Score one clip, in a process of its own: its figures, or why there are none.

A failed clip has no figures here; what it counts as is decided where figures are put together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gridkit.corpus.tasks import TEXT_TASKS
from gridkit.errors import MetricError, ResultError
from gridkit.evaluation.predictions.records import Prediction, Reference
from gridkit.evaluation.scoring.transcribe import Recognisers, transcribe
from gridkit.metrics.metric import Metric
from gridkit.metrics.normaliser import normalise
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS
from gridkit.metrics.registry import ALIGNED, SOUND_METRICS, TEXT_METRICS
from gridkit.metrics.sound import score_plain, score_sound
from gridkit.metrics.wer import TextScore, score_text
from gridkit.results.records import PROTOCOL, ClipScore
from gridkit.results.sound_levels import sound_levels

SYSTEM = "system"
"""Whose words `text` holds where a system gives text itself."""


@dataclass(frozen=True)
class ClipJob:
    """One clip on its way to a process."""

    reference: Reference
    prediction: Prediction
    recognisers: Recognisers
    plug_ins: tuple[Metric, ...] = ()
    protocol: str = PROTOCOL
    transcripts: Mapping[str, str] = field(default_factory=dict)
    """Recogniser to what is already known to be its transcript of the prediction."""
    words_only: bool = False
    """The sound is the reference itself: transcribe it, score nothing else."""


def score_clip(job: ClipJob) -> ClipScore:
    """Score a prediction that holds sound as video-to-speech, one that holds text as lipreading.

    Raises:
        ResultError: the sound of the reference or of the prediction is missing.
    """
    clip, prediction = job.reference.id, job.prediction
    if prediction.failure is not None:
        return ClipScore(clip, "failed", prediction.failure, prediction.detail)
    try:
        if prediction.samples is None:
            return _score_text(job)
        return _score_sound(job) if job.protocol == PROTOCOL else _score_older(job)
    except MetricError as error:
        return ClipScore(clip, "failed", f"metric:{error.metric}", str(error))


def figures_of(
    task: str, protocol: str, recognisers: Iterable[str], plug_ins: Sequence[Metric]
) -> tuple[str, ...]:
    """Return the figures that every clip counts in; a lag is not among them.

    Args:
        task: one of `TASKS`.
        protocol: `gridkit-1`, or an older one for sound.
        recognisers: names of those that transcribe predicted sound.
        plug_ins: metrics computed besides those of `gridkit-1`.
    """
    if task in TEXT_TASKS:
        return tuple(metric.name for metric in TEXT_METRICS)
    if protocol != PROTOCOL:
        older = OLDER_PROTOCOLS[protocol]
        rates = [f"wer_{name}" for name in recognisers if older.wer is not None]
        return (*(metric.name for metric in older.metrics), *rates)
    metrics = (*SOUND_METRICS, *plug_ins)
    aligned = [f"{metric.name}{ALIGNED}" for metric in metrics if metric.needs == "pair"]
    words = [f"{rate}_{name}" for name in recognisers for rate in ("wer", "cer", "slot")]
    return (*(metric.name for metric in metrics), *aligned, *words)


def _score_sound(job: ClipJob) -> ClipScore:
    reference, prediction = _sounds(job)
    raw_text = {name: _transcript(job, name) for name in job.recognisers}
    texts = {name: score_text(job.reference.text, text) for name, text in raw_text.items()}
    return ClipScore(
        job.reference.id,
        "scored",
        metrics={} if job.words_only else score_sound(reference, prediction, job.plug_ins),
        counts=_counts({f"_{name}": text for name, text in texts.items()}),
        slots={f"slot_{name}": text.slots for name, text in texts.items()},
        text={name: text.transcript for name, text in texts.items()},
        raw_text=raw_text,
        sound={} if job.words_only else sound_levels(prediction).entries(),
    )


def _score_older(job: ClipJob) -> ClipScore:
    """Score by an older protocol; its error rates are averaged over clips, not pooled."""
    protocol = OLDER_PROTOCOLS[job.protocol]
    reference, prediction = _sounds(job)
    metrics = score_plain(reference, prediction, protocol.metrics)
    raw_text = {}
    if protocol.wer is not None:
        for name, make in job.recognisers.items():
            raw_text[name] = _transcript(job, name)
            of_reference = transcribe(name, make, reference)
            metrics[f"wer_{name}"] = protocol.wer(job.reference.text, raw_text[name], of_reference)
    text = {name: normalise(transcript) for name, transcript in raw_text.items()}
    return ClipScore(
        job.reference.id,
        "scored",
        metrics=metrics,
        text=text,
        raw_text=raw_text,
        sound=sound_levels(prediction).entries(),
    )


def _score_text(job: ClipJob) -> ClipScore:
    raw = job.prediction.text or ""
    text = score_text(job.reference.text, raw)
    return ClipScore(
        job.reference.id,
        "scored",
        metrics={"ser": float(text.sentence_error)},
        counts=_counts({"": text}),
        slots={"slot": text.slots},
        text={SYSTEM: text.transcript},
        raw_text={SYSTEM: raw},
    )


def _counts(texts: Mapping[str, TextScore]) -> dict[str, tuple[int, int]]:
    words = {f"wer{end}": (text.word_errors, text.words) for end, text in texts.items()}
    return words | {
        f"cer{end}": (text.character_errors, text.characters) for end, text in texts.items()
    }


def _sounds(job: ClipJob) -> tuple[np.ndarray, np.ndarray]:
    if job.reference.samples is None or job.prediction.samples is None:
        raise ResultError(f"{job.reference.id}: sound is scored against sound, and one is missing")
    return job.reference.samples, job.prediction.samples


def _transcript(job: ClipJob, name: str) -> str:
    """Return a recogniser's transcript of the prediction, where it is not known already."""
    if name in job.transcripts:
        return job.transcripts[name]
    _, prediction = _sounds(job)
    return transcribe(name, job.recognisers[name], prediction)

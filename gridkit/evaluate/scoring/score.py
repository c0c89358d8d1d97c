"""Score predictions on all cores, a line of `clips.jsonl` a clip, written as it goes.

A run that was killed goes on where it stopped: whole lines are kept, a torn last one is scored
again. Clips stream through: what is held in memory does not grow with their number.

A failed clip has no figures here; what it counts as is decided where figures are put together.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridkit.compute.local import Crashed, map_ordered, usable_cores
from gridkit.errors import MetricError, ResultError
from gridkit.evaluate.predictions.records import Prediction, Reference
from gridkit.metrics.metric import Metric
from gridkit.metrics.protocols import OLDER_PROTOCOLS
from gridkit.metrics.recognise import Recogniser
from gridkit.metrics.registry import ALIGNED, SOUND_METRICS, TEXT_METRICS
from gridkit.metrics.sound import score_plain, score_sound
from gridkit.metrics.wer import TextScore, normalise, score_text
from gridkit.results.files import clip_from_line, clip_to_line
from gridkit.results.records import PROTOCOL, TEXT_TASKS, ClipScore

SYSTEM = "system"
"""Whose words `text` holds where a system gives text itself."""

PRELOAD = "gridkit.evaluate.scoring.score"
"""What processes of an evaluation share: the metrics' libraries."""

Recognisers = Mapping[str, Callable[[], Recogniser]]
"""Name to what makes the recogniser; called once in each process."""


@dataclass(frozen=True)
class _Job:
    """One clip on its way to a process."""

    reference: Reference
    prediction: Prediction
    recognisers: Recognisers
    plug_ins: tuple[Metric, ...] = ()
    protocol: str = PROTOCOL
    only_hear: bool = False
    """The sound is the reference itself: recognise it, score nothing else."""


def score_predictions(
    references: Iterable[Reference],
    predictions: Mapping[str, Prediction],
    out: Path,
    *,
    recognisers: Recognisers,
    plug_ins: Sequence[Metric] = (),
    protocol: str = PROTOCOL,
    workers: int | None = None,
) -> Iterator[ClipScore]:
    """Score each reference's prediction; finished lines of `out` come first, as they are.

    A prediction that holds sound is scored as video-to-speech, one that holds text as
    lipreading.

    Args:
        references: what is true; taken one at a time.
        predictions: by id, one for each reference; may read them from the disk.
        out: `clips.jsonl` of this run, with these settings; made, or gone on with.
        recognisers: who hears the predicted sound (`recognise.recogniser_factory`).
        plug_ins: metrics to compute besides those of `gridkit-1`.
        protocol: `gridkit-1`, or an older one for sound (`protocols.OLDER_PROTOCOLS`).
        workers: processes; None for all cores.

    Raises:
        ResultError: a reference without a prediction, or a damaged line in `out`.
    """

    def jobs(done: set[str]) -> Iterator[_Job]:
        for reference in references:
            if reference.id not in done:
                if reference.id not in predictions:
                    raise ResultError(f"no prediction of {reference.id}; predict it, or drop it")
                prediction = predictions[reference.id]
                yield _Job(reference, prediction, recognisers, tuple(plug_ins), protocol)

    return _run(jobs, out, recognisers, workers)


def hear_references(
    references: Iterable[Reference],
    out: Path,
    *,
    recognisers: Recognisers,
    workers: int | None = None,
) -> Iterator[ClipScore]:
    """Let recognisers hear the true sound: the figures that each WER is printed beside.

    The file serves every system scored on the same clips with the same recognisers.

    Args:
        references: with their samples; taken one at a time.
        out: a file such as `true_audio.jsonl`, lines as in `clips.jsonl`; gone on with.
        recognisers: who hears.
        workers: processes; None for all cores.

    Raises:
        ResultError: a damaged line in `out`.
    """

    def jobs(done: set[str]) -> Iterator[_Job]:
        for reference in references:
            if reference.id not in done:
                itself = Prediction(reference.id, samples=reference.samples)
                yield _Job(reference, itself, recognisers, only_hear=True)

    return _run(jobs, out, recognisers, workers)


def figures_of(
    task: str, protocol: str, recognisers: Iterable[str], plug_ins: Sequence[Metric] = ()
) -> tuple[str, ...]:
    """Return the figures that every clip counts in; a lag is not among them.

    Args:
        task: one of `TASKS`.
        protocol: `gridkit-1`, or an older one for sound.
        recognisers: names of those that hear predicted sound.
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
    heard = [f"{rate}_{name}" for name in recognisers for rate in ("wer", "cer", "slot")]
    return (*(metric.name for metric in metrics), *aligned, *heard)


def _run(
    jobs: Callable[[set[str]], Iterable[_Job]],
    out: Path,
    recognisers: Recognisers,
    workers: int | None,
) -> Iterator[ClipScore]:
    done: set[str] = set()
    for clip in _finished(out):
        _check_recognisers(clip, recognisers, out)
        done.add(clip.id)
        yield clip
    under_way: deque[str] = deque()

    def noted() -> Iterator[_Job]:
        for job in jobs(done):
            under_way.append(job.reference.id)
            yield job

    with out.open("a", encoding="utf-8", newline="\n") as file:
        results = map_ordered(_score, noted(), workers=workers or usable_cores(), preload=PRELOAD)
        for result in results:
            clip_id = under_way.popleft()
            if isinstance(result, Crashed):
                result = ClipScore(clip_id, "failed", "metric:crash", result.detail)
            file.write(clip_to_line(result))
            file.flush()
            yield result


def _finished(out: Path) -> Iterator[ClipScore]:
    """Yield the clips of whole lines, and cut a torn last line off the file."""
    if not out.is_file():
        return
    whole = 0
    with out.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                whole += len(line)
                yield clip_from_line(line.decode(), f"{out}, line {number}")
    with out.open("r+b") as file:
        file.truncate(whole)


def _check_recognisers(clip: ClipScore, recognisers: Recognisers, out: Path) -> None:
    heard_by = set(clip.text) - {SYSTEM}
    if heard_by and heard_by != set(recognisers):
        raise ResultError(
            f"{out}: {clip.id} was heard by {', '.join(sorted(heard_by))}, not by "
            f"{', '.join(sorted(recognisers))}; remove the file or choose another folder"
        )


def _score(job: _Job) -> ClipScore:
    clip, prediction = job.reference.id, job.prediction
    if prediction.failure is not None:
        return ClipScore(clip, "failed", prediction.failure, prediction.detail)
    try:
        if prediction.samples is None:
            return _score_text(job)
        return _score_sound(job) if job.protocol == PROTOCOL else _score_older(job)
    except MetricError as error:
        return ClipScore(clip, "failed", f"metric:{error.metric}", str(error))


def _score_sound(job: _Job) -> ClipScore:
    reference, prediction = _sounds(job)
    raw_text = {name: _hear(job, name, prediction) for name in job.recognisers}
    texts = {name: score_text(job.reference.text, heard) for name, heard in raw_text.items()}
    return ClipScore(
        job.reference.id,
        "scored",
        metrics={} if job.only_hear else score_sound(reference, prediction, job.plug_ins),
        counts=_counts({f"_{name}": text for name, text in texts.items()}),
        slots={f"slot_{name}": text.slots for name, text in texts.items()},
        text={name: text.heard for name, text in texts.items()},
        raw_text=raw_text,
    )


def _score_older(job: _Job) -> ClipScore:
    """Score by an older protocol; its error rates are averaged over clips, not pooled."""
    protocol = OLDER_PROTOCOLS[job.protocol]
    reference, prediction = _sounds(job)
    metrics = score_plain(reference, prediction, protocol.metrics)
    raw_text = {}
    if protocol.wer is not None:
        for name in job.recognisers:
            raw_text[name] = _hear(job, name, prediction)
            heard_true = _hear(job, name, reference)
            metrics[f"wer_{name}"] = protocol.wer(job.reference.text, raw_text[name], heard_true)
    text = {name: normalise(heard) for name, heard in raw_text.items()}
    return ClipScore(job.reference.id, "scored", metrics=metrics, text=text, raw_text=raw_text)


def _score_text(job: _Job) -> ClipScore:
    raw = job.prediction.text or ""
    text = score_text(job.reference.text, raw)
    return ClipScore(
        job.reference.id,
        "scored",
        metrics={"ser": float(text.sentence_error)},
        counts=_counts({"": text}),
        slots={"slot": text.slots},
        text={SYSTEM: text.heard},
        raw_text={SYSTEM: raw},
    )


def _counts(texts: Mapping[str, TextScore]) -> dict[str, tuple[int, int]]:
    words = {f"wer{end}": (text.word_errors, text.words) for end, text in texts.items()}
    return words | {
        f"cer{end}": (text.character_errors, text.characters) for end, text in texts.items()
    }


def _sounds(job: _Job) -> tuple[np.ndarray, np.ndarray]:
    if job.reference.samples is None or job.prediction.samples is None:
        raise ResultError(f"{job.reference.id}: sound is scored against sound, and one is missing")
    return job.reference.samples, job.prediction.samples


_made: dict[str, Recogniser] = {}
"""The recognisers of this process, by name."""


def _hear(job: _Job, name: str, samples: np.ndarray) -> str:
    """Return what a recogniser hears; in silence nothing, without calling it."""
    if not samples.any():
        return ""
    if name not in _made:
        _made[name] = job.recognisers[name]()
    try:
        return _made[name](samples)
    except Exception as error:
        raise MetricError(f"wer_{name}", f"{type(error).__name__}: {error}") from error

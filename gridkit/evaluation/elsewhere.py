"""Parts of an evaluation on other machines: predictions, scores, and the timing.

Clips do not travel: a machine reads the corpus and the RESULT folder, which all of them share. Each
part of the predictions is one file, which a later attempt at the same part replaces, so a machine
that was taken for dead does no harm. The timing is never divided: one worker, after all the rest.
"""

import hashlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from gridkit.compute.attempt import not_seen
from gridkit.compute.choose import Where, open_executor
from gridkit.compute.executor import (
    CountSteps,
    Crashed,
    Executor,
    count_nothing,
    in_order,
    retry_once,
)
from gridkit.compute.progress import Progress
from gridkit.errors import EnvironmentProblem, SystemFailedError
from gridkit.evaluation.model_files import ModelFiles
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.ask import check_first_answers, fresh_order, predict
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.sandbox.facts import SystemFacts
from gridkit.evaluation.sandbox.limits import Limits
from gridkit.evaluation.scoring.score_clip import ClipJob, score_clip
from gridkit.evaluation.scoring.transcribe import Recognisers
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.evaluation.timing.system_timing import TimingJob, write_system_timing
from gridkit.metrics.metric import Metric
from gridkit.results.records import ClipScore
from gridkit.store.corpus_file import CORPUS_NAME
from gridkit.store.reader import Corpus

PARTS_PER_WORKER = 4
FEWEST, MOST = 64, 1000
"""Clips of a part of the predictions: starting a system takes seconds."""
SCORED_AT_A_TIME = 16


class Elsewhere:
    """The machines of an evaluation, as executors; a context manager.

    Args:
        where: which they are.
        shared: a folder that all of them see.
    """

    def __init__(self, where: Where, shared: Path):
        self._where, self._shared = where, shared
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        scoring = replace(self._where, gpus=0.0)
        self.scoring = self._stack.enter_context(open_executor(scoring, shared=self._shared))
        self.predicting: Executor = self.scoring
        if self._where.gpus:
            asking = open_executor(self._where, shared=self._shared)
            self.predicting = self._stack.enter_context(asking)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]


def part_of(subset: Subset, ids: Sequence[str]) -> Subset:
    """Return a subset of these clips alone, which travels with little."""
    split = replace(subset.split, subset_of=dict.fromkeys(ids, subset.name))
    folder = subset.corpus.folder.absolute()
    return Subset(Corpus(folder, subset.corpus.file), split, subset.name)


def check_shared(*files: Path) -> None:
    """Check that this machine sees what it works on.

    Raises:
        EnvironmentProblem: it does not; the message names it.
    """
    for file in files:
        if not file.exists():
            raise not_seen(file)


@dataclass(frozen=True)
class PredictionPart:
    """Clips that one process of a system is asked about."""

    spec: ModelSpec
    subset: Subset
    out: Path
    options: Options
    model_sha256: str | None
    """Of the files of the system, as the run found them."""

    @property
    def name(self) -> str:
        """A name that the same clips give again."""
        return hashlib.sha256("\n".join(self.subset.ids).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class PartPredicted:
    """What a part says besides its predictions, which are on the disk."""

    facts: SystemFacts
    limits: Limits
    log: str = field(repr=False)


def predict_elsewhere(
    spec: ModelSpec,
    files: ModelFiles,
    subset: Subset,
    out: Path,
    options: Options,
    executor: Executor,
) -> PartPredicted:
    """Ask a system about every clip that has no prediction yet, in parts; return what one said.

    Raises:
        SystemFailedError: a part was lost as often as it was tried.
        SystemLoadError, ModelChangedError, EnvironmentProblem: as a part raises it.
    """
    writer = PredictionWriter(out)
    done = set(writer.saved())
    left = [clip for clip in subset.ids if clip not in done]
    size = -(-len(left) // max(1, executor.workers * PARTS_PER_WORKER))
    size = min(MOST, max(FEWEST, size))
    # a part of no clips tells what the system is, where all were predicted before
    chunks = [left[n : n + size] for n in range(0, len(left), size)] or [[]]
    parts = [
        PredictionPart(spec, part_of(subset, ids), out.absolute(), options, files.sha256)
        for ids in chunks
    ]
    said: list[PartPredicted] = []
    with Progress("predict", len(subset.ids), done=len(done)) as bar:
        for part, result in executor.run(predict_part, parts, bar.advance, retry_once):
            if isinstance(result, Crashed):
                raise SystemFailedError(
                    f"{len(part.subset.ids)} clips have no prediction ({result.detail}); the "
                    "others are kept: give the command again"
                )
            said.append(result)
    return replace(said[0], log="".join(one.log for one in said))


def predict_part(part: PredictionPart, count_clips: CountSteps) -> PartPredicted:
    """Ask a system about the clips of a part, on whatever machine this is.

    Raises:
        EnvironmentProblem: this machine does not see the corpus, the result or the same model.
    """
    check_shared(part.subset.corpus.folder / CORPUS_NAME, part.out)
    files = ModelFiles(part.spec, part.options.reads)
    if files.sha256 != part.model_sha256:
        raise EnvironmentProblem(
            f"{socket.gethostname()} sees other files of {part.spec.text} than the machine that "
            "started the run"
        )
    answers: list[Prediction] = []
    with worker_of(
        part.spec, part.subset, part.options, part.out, before_start=files.check
    ) as worker:
        facts = worker.start()
        input_of = part.subset.input_of(facts.crop)
        for answer in check_first_answers(predict(worker, fresh_order(part.subset.ids), input_of)):
            answers.append(answer)
            count_clips(1)
        files.check()
        worker.stop()
        PredictionWriter(part.out).write_part(part.name, answers)
        return PartPredicted(facts, worker.limits, worker.log())


@dataclass(frozen=True)
class ScorePart:
    """Clips to be scored, by their ids."""

    subset: Subset
    out: Path | None
    """The RESULT folder with their predictions; None: the reference audio itself is transcribed."""
    recognisers: Recognisers
    plug_ins: tuple[Metric, ...]
    protocol: str


def score_elsewhere(
    subset: Subset,
    ids: Sequence[str],
    out: Path | None,
    executor: Executor,
    recognisers: Recognisers,
    plug_ins: tuple[Metric, ...],
    protocol: str,
) -> Iterator[ClipScore]:
    """Yield the score of each clip, in the order of the ids; see `ScorePart`.

    A clip whose worker died again and again fails, as in processes of this machine.
    """
    parts = [
        ScorePart(
            part_of(subset, ids[n : n + SCORED_AT_A_TIME]),
            None if out is None else out.absolute(),
            recognisers,
            plug_ins,
            protocol,
        )
        for n in range(0, len(ids), SCORED_AT_A_TIME)
    ]
    runs = executor.run(score_part, parts, count_nothing, retry_once)
    for part, result in in_order(parts, runs):
        if isinstance(result, Crashed):
            for clip in part.subset.ids:
                yield ClipScore(clip, "failed", "metric:crash", result.detail)
        else:
            yield from result


def score_part(part: ScorePart, count_clips: CountSteps) -> tuple[ClipScore, ...]:
    """Score the clips of a part, on whatever machine this is.

    Raises:
        EnvironmentProblem: this machine does not see the corpus or the result.
    """
    check_shared(part.subset.corpus.folder / CORPUS_NAME, *([part.out] if part.out else []))
    predictions = PredictionWriter(part.out).saved() if part.out else None
    scores = []
    for reference in part.subset.references():
        prediction = (
            Prediction(reference.id, samples=reference.samples)
            if predictions is None
            else predictions[reference.id]
        )
        job = ClipJob(
            reference,
            prediction,
            part.recognisers,
            part.plug_ins,
            part.protocol,
            words_only=predictions is None,
        )
        scores.append(score_clip(job))
        count_clips(1)
    return tuple(scores)


def time_elsewhere(job: TimingJob, executor: Executor) -> None:
    """Time a system in one worker, with nothing of this run beside it.

    Raises:
        SystemFailedError: the worker was lost as often as it was tried.
    """
    subset = part_of(job.subset, job.subset.ids)
    there = replace(job, subset=subset, out=job.out.absolute())
    for _, result in executor.run(_time_there, [there], count_nothing, retry_once):
        if isinstance(result, Crashed):
            raise SystemFailedError(f"{job.spec.text} could not be timed: {result.detail}")


def _time_there(job: TimingJob, _count: CountSteps) -> None:
    check_shared(job.subset.corpus.folder / CORPUS_NAME, job.out)
    write_system_timing(job)

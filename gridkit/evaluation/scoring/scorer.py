"""Score predictions on all cores: one line of `clips.jsonl` per clip, written as it comes.

A run that was killed resumes: whole lines are kept, a torn last one is scored again. Clips
stream through: what is held in memory does not grow with their number.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Self

from gridkit.compute.executor import Crashed
from gridkit.compute.local import Workers, usable_cores
from gridkit.errors import ResultError, UsageError
from gridkit.evaluation.elsewhere import Elsewhere, score_elsewhere
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction, Reference
from gridkit.evaluation.scoring.recognisers import load_recognisers
from gridkit.evaluation.scoring.score_clip import SYSTEM, ClipJob, figures_of, score_clip
from gridkit.evaluation.scoring.transcribe import Recognisers, Transcripts
from gridkit.evaluation.subset import Subset
from gridkit.metrics.metric import Metric
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS
from gridkit.metrics.registry import plug_ins
from gridkit.results.files import clip_from_line, clip_to_line
from gridkit.results.records import PROTOCOL, ClipScore

PRELOAD = "gridkit.evaluation.scoring.score_clip"
"""What the processes of an evaluation share: the metrics' libraries."""


class Scorer:
    """What a system and its controls are scored with; a context manager.

    They share the recognisers, the processes that score, and the transcripts of their sounds.

    Args:
        recognisers: transcribe the predicted sound.
        plug_ins: metrics to compute besides those of `gridkit-1`.
        protocol: `gridkit-1`, or an older one for sound (`OLDER_PROTOCOLS`).
        workers: processes; None for all cores.
        elsewhere: the machines that score instead; None: processes of this one.
    """

    def __init__(
        self,
        recognisers: Recognisers,
        *,
        plug_ins: Sequence[Metric] = (),
        protocol: str = PROTOCOL,
        workers: int | None = None,
        elsewhere: Elsewhere | None = None,
    ):
        self.recognisers, self.protocol = recognisers, protocol
        self.processes = Workers(workers or usable_cores(), preload=PRELOAD)
        self.elsewhere = elsewhere
        self._plug_ins = tuple(plug_ins)
        self._transcripts = Transcripts()

    def __enter__(self) -> Self:
        if self.elsewhere is not None:
            self.elsewhere.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.processes.stop()
        if self.elsewhere is not None:
            self.elsewhere.__exit__(*error)

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version of each recogniser; it changes whenever its answers may."""
        return {name: make().version for name, make in sorted(self.recognisers.items())}

    def figures(self, task: str) -> tuple[str, ...]:
        """Return the figures that every clip of a task counts in; a lag is not among them."""
        return figures_of(task, self.protocol, self.recognisers, self._plug_ins)

    def score_saved(self, subset: Subset, folder: Path, out: Path) -> Iterator[ClipScore]:
        """Score the predictions of a RESULT folder, here or elsewhere; see `score`."""
        if self.elsewhere is None:
            return self.score(subset.references(), PredictionWriter(folder).saved(), out)
        return self._run_elsewhere(self.elsewhere, subset, folder, out)

    def transcribe_references(self, subset: Subset, out: Path) -> Iterator[ClipScore]:
        """Transcribe the reference audio of a subset, here or elsewhere; see `transcribe`."""
        if self.elsewhere is None:
            return self.transcribe(subset.references(), out)
        return self._run_elsewhere(self.elsewhere, subset, None, out)

    def _run_elsewhere(
        self, elsewhere: Elsewhere, subset: Subset, folder: Path | None, out: Path
    ) -> Iterator[ClipScore]:
        def scores(done: set[str]) -> Iterator[ClipScore]:
            return score_elsewhere(
                subset,
                [clip for clip in subset.ids if clip not in done],
                folder,
                elsewhere.scoring,
                self.recognisers,
                self._plug_ins,
                PROTOCOL if folder is None else self.protocol,
            )

        return self._written(scores, out)

    def score(
        self, references: Iterable[Reference], predictions: Mapping[str, Prediction], out: Path
    ) -> Iterator[ClipScore]:
        """Score each reference's prediction; finished lines of `out` come first, as they are.

        Args:
            references: what is true; taken one at a time.
            predictions: by id, one for each reference; may read them from the disk.
            out: `clips.jsonl` of this run; made, or resumed.

        Raises:
            ResultError: a reference without a prediction, or a damaged line in `out`.
        """

        def jobs(done: set[str]) -> Iterator[ClipJob]:
            for reference in references:
                if reference.id not in done:
                    if reference.id not in predictions:
                        raise ResultError(f"{reference.id} has no prediction; predict it first")
                    yield self._job(reference, predictions[reference.id])

        return self._run(jobs, out)

    def transcribe(self, references: Iterable[Reference], out: Path) -> Iterator[ClipScore]:
        """Transcribe the reference audio: the figures that each WER is compared with.

        The file serves every system scored on the same clips with the same recognisers.

        Args:
            references: with their samples; taken one at a time.
            out: a file such as `true_audio.jsonl`, lines as in `clips.jsonl`; resumed.

        Raises:
            ResultError: a damaged line in `out`.
        """

        def jobs(done: set[str]) -> Iterator[ClipJob]:
            for reference in references:
                if reference.id not in done:
                    itself = Prediction(reference.id, samples=reference.samples)
                    yield self._job(reference, itself, words_only=True)

        return self._run(jobs, out)

    def _job(
        self, reference: Reference, prediction: Prediction, *, words_only: bool = False
    ) -> ClipJob:
        return ClipJob(
            reference,
            prediction,
            self.recognisers,
            self._plug_ins,
            PROTOCOL if words_only else self.protocol,
            self._transcripts.find(prediction.samples),
            words_only,
        )

    def _run(self, jobs: Callable[[set[str]], Iterable[ClipJob]], out: Path) -> Iterator[ClipScore]:
        """Score jobs, given the ids that are scored already, in processes of this machine."""
        under_way: deque[Prediction] = deque()

        def noted(done: set[str]) -> Iterator[ClipJob]:
            for job in jobs(done):
                under_way.append(job.prediction)
                yield job

        def scores(done: set[str]) -> Iterator[ClipScore]:
            for result in self.processes.map_ordered(score_clip, noted(done)):
                prediction = under_way.popleft()
                if isinstance(result, Crashed):
                    result = ClipScore(prediction.id, "failed", "metric:crash", result.detail)
                elif prediction.samples is not None and result.raw_text:
                    self._transcripts.add(prediction.samples, result.raw_text)
                yield result

        return self._written(scores, out)

    def _written(
        self, scores: Callable[[set[str]], Iterable[ClipScore]], out: Path
    ) -> Iterator[ClipScore]:
        """Yield the clips that an earlier run has scored, then the others, each once written."""
        done: set[str] = set()
        for clip in _finished(out):
            _check_recognisers(clip, self.recognisers, out)
            done.add(clip.id)
            yield clip
        with out.open("a", encoding="utf-8", newline="\n") as file:
            for score in scores(done):
                file.write(clip_to_line(score))
                file.flush()
                yield score


def open_scorer(
    subset: Subset, options: Options, scorer: Scorer | None = None
) -> AbstractContextManager[Scorer]:
    """Return what scores a subset: a new scorer, or one that an outer block keeps open.

    Raises:
        UsageError: a recogniser or protocol that does not exist, or a recogniser that was trained
            on these clips.
    """
    if scorer is not None:
        return nullcontext(scorer)
    known = (PROTOCOL, *OLDER_PROTOCOLS)
    if options.protocol not in known:
        raise UsageError(f"unknown protocol {options.protocol!r}; known are {', '.join(known)}")
    return Scorer(
        load_recognisers(options.recognisers, subset),
        plug_ins=plug_ins(),
        protocol=options.protocol,
        workers=options.workers,
        elsewhere=None
        if options.where.is_local
        else Elsewhere(options.where, subset.corpus.folder),
    )


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
    names = set(clip.text) - {SYSTEM}
    if names and names != set(recognisers):
        raise ResultError(
            f"{out}: {clip.id} was transcribed by {', '.join(sorted(names))}, not by "
            f"{', '.join(sorted(recognisers))}; remove the file or choose another folder"
        )

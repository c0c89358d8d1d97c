"""Evaluate one system: predict, save, score what was saved, time, and put the figures together.

A run that is killed resumes where it stopped: predictions and scores on the disk are kept. A
folder belongs to one question (system, clips, protocol, recognisers); another is refused there.
"""

from dataclasses import replace
from pathlib import Path

from gridkit.compute.lock import folder_lock
from gridkit.errors import CorpusError, ResultError
from gridkit.evaluation.elsewhere import time_elsewhere
from gridkit.evaluation.model_files import ModelFiles
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.collect import collect_predictions, label
from gridkit.evaluation.predictions.files import FOLDER, PredictionWriter
from gridkit.evaluation.question import check_folder, check_question, question_of, versions
from gridkit.evaluation.scoring.reference_audio import reference_audio_figures, with_bar
from gridkit.evaluation.scoring.scorer import Scorer, open_scorer
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.evaluation.systems.task import check_task, rank_metric_of
from gridkit.evaluation.timing.system_timing import TimingJob, is_timed, write_system_timing
from gridkit.results.clip_table import ClipTable, tabulate
from gridkit.results.files import (
    CLIPS_FILE,
    RESULT_FILE,
    Scored,
    clips_sha256,
    read_result,
    read_scored,
    write_result,
)
from gridkit.results.records import MODEL, PREDICTIONS, Result, recogniser_key
from gridkit.results.statistics import estimates, per_slot, per_speaker
from gridkit.results.system_card import SYSTEM_FILE, SystemCard, read_system_card


def evaluate(
    spec: ModelSpec, subset: Subset, out: Path, options: Options, scorer: Scorer | None = None
) -> Scored:
    """Evaluate a system on a subset, into a folder.

    Args:
        spec: the system, downloaded.
        subset: the clips.
        out: the RESULT folder; made, or resumed.
        options: how.
        scorer: shared with other systems of the same subset and options (`open_scorer`); None:
            one for this system alone.

    Raises:
        LockedError: another run works in the folder.
        ResultError: the folder holds the answer to another question, is not that of a result, or
            what lies in it was changed since its result was written.
        ModelChangedError: the system's files changed meanwhile.
        CorpusError: clips of the split are missing and that was not allowed.
        SystemLoadError: the system cannot be loaded.
        UsageError: a control, recogniser or protocol that does not exist, or a recogniser that
            was trained on these clips.
    """
    with open_scorer(subset, options, scorer) as scorer:
        _check_missing(subset, options)
        check_task(spec, subset, out, options)
        check_folder(out)
        with folder_lock(out):
            files = ModelFiles(spec, options.reads)
            check_question(out, question_of(spec, files.content, subset, options, scorer.versions))
            _check_kept(out)
            card = collect_predictions(
                spec, files, subset, out, options, scorer.processes, scorer.elsewhere
            )
            result, scores = _scored(label("score", spec), card, subset, out, scorer)
            if spec.is_run and options.timed and not is_timed(out, options, card):
                # by now nothing of this run is beside it
                job = TimingJob(spec, files, subset, out, options, card)
                if scorer.elsewhere is None:
                    write_system_timing(job)
                else:
                    time_elsewhere(job, scorer.elsewhere.predicting)
            files.check()
            own = {} if files.sha256 is None else {MODEL: files.sha256}
            write_result(out, replace(result, sha256=_hashes(out) | own))
    return replace(read_scored(out), known_table=scores)


def score_saved(card: SystemCard, subset: Subset, out: Path, scorer: Scorer) -> Scored:
    """Score the predictions that a folder holds, as `evaluate` does; a killed run resumes.

    Whoever calls it answers for what lies there: it is not compared with any question.

    Args:
        card: what the result says of the system, its task among it.
        subset: the clips.
        out: the RESULT folder, with predictions of all clips.
        scorer: what they are scored with.

    Raises:
        LockedError: another run works in the folder.
        ResultError: a clip has no prediction.
    """
    with folder_lock(out):
        result, scores = _scored("score", card, subset, out, scorer)
        write_result(out, replace(result, sha256=_hashes(out)))
    return replace(read_scored(out), known_table=scores)


def _check_missing(subset: Subset, options: Options) -> None:
    if subset.missing and not options.allow_missing:
        raise CorpusError(
            f"{subset.corpus.folder} lacks {subset.missing} of the "
            f"{subset.missing + len(subset.ids)} clips of {subset.split.name}:{subset.name}; "
            "prepare them, or score what is there, without a rank, by --allow-missing"
        )


def _check_kept(out: Path) -> None:
    """Refuse scores, predictions or a card that were changed since a result was made of them.

    Raises:
        ResultError: one was; it says what to remove.
    """
    if not (out / RESULT_FILE).is_file():
        return
    stated = read_result(out)
    changed = {SYSTEM_FILE: (card := read_system_card(out)) and card != stated.system}
    if (out / CLIPS_FILE).is_file() and CLIPS_FILE in stated.sha256:
        changed[CLIPS_FILE] = clips_sha256(out) != stated.sha256[CLIPS_FILE]
    if PREDICTIONS in stated.sha256:
        changed[FOLDER] = PredictionWriter(out).saved().sha256 != stated.sha256[PREDICTIONS]
    for name, is_changed in changed.items():
        if is_changed:
            remove = CLIPS_FILE if name == CLIPS_FILE else FOLDER
            raise ResultError(
                f"{out / name} was changed since {RESULT_FILE} was made of it; remove "
                f"{out / remove} to have it made again, or choose another --out"
            )


def _hashes(out: Path) -> dict[str, str]:
    return {CLIPS_FILE: clips_sha256(out), PREDICTIONS: PredictionWriter(out).saved().sha256}


def _scored(
    step: str, card: SystemCard, subset: Subset, out: Path, scorer: Scorer
) -> tuple[Result, ClipTable]:
    """Return the result of the saved predictions, and the figures of the clips."""
    rank_metric = rank_metric_of(str(card.task), scorer.protocol)
    scores = _scores(step, subset, out, str(card.task), scorer)
    return _result(subset, out, card, rank_metric, scores, scorer), scores


def _scores(step: str, subset: Subset, out: Path, task: str, scorer: Scorer) -> ClipTable:
    """Return the figures of the saved predictions, scored where that is not done."""
    file = out / CLIPS_FILE
    scores = scorer.score_saved(subset, out, file)
    shown = with_bar(step, file, len(subset.ids), scores)
    # the task's figures stand there even where every clip failed
    return tabulate(shown, scorer.figures(task))


def _result(
    subset: Subset,
    out: Path,
    card: SystemCard,
    rank_metric: str,
    scores: ClipTable,
    scorer: Scorer,
) -> Result:
    is_sound = card.task == "v2s"
    of_references = reference_audio_figures(subset, out, scorer) if is_sound else None
    recognisers = scorer.versions if is_sound else {}
    named = {recogniser_key(name): version for name, version in recognisers.items()}
    return Result(
        protocol=scorer.protocol,
        task=str(card.task),
        system=card,
        corpus={
            "sha256": subset.corpus_sha256,
            "synthetic": subset.corpus.file.synthetic,
            "source": subset.corpus.file.source,
        },
        split=subset.facts(),
        n=len(scores.ids),
        failed=scores.failed,
        rank_metric=rank_metric,
        metrics=estimates(scores, of_references),
        versions={**versions(), **named},
        missing=subset.missing,
        speakers=per_speaker(scores),
        slots=per_slot(scores),
        sound=scores.sound,
    )

"""Evaluate one system: predict, save, score what was saved, time, and put the figures together.

A run that is killed goes on where it stopped: predictions and scores on the disk are kept. A
folder belongs to one question (system, clips, protocol, recognisers); another is refused there.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from gridkit.compute.cache import cache_folder
from gridkit.compute.local import usable_cores
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.errors import CorpusError, SystemFailedError, SystemLoadError, UsageError
from gridkit.evaluate.options import Options
from gridkit.evaluate.predictions.collect import collect_predictions, label, worker_of
from gridkit.evaluate.predictions.files import PredictionWriter
from gridkit.evaluate.question import (
    TRUE_AUDIO_FILE,
    check_question,
    digest_of,
    question_of,
    versions,
)
from gridkit.evaluate.scoring.recognisers import load_recognisers, versions_of
from gridkit.evaluate.scoring.score import (
    Recognisers,
    figures_of,
    hear_references,
    score_predictions,
)
from gridkit.evaluate.subset import Subset
from gridkit.evaluate.systems.spec import RECIPE_KINDS, ModelSpec
from gridkit.evaluate.timing.latency import time_system
from gridkit.evaluate.timing.preprocess import preprocess_times
from gridkit.metrics.protocols import OLDER_PROTOCOLS
from gridkit.metrics.registry import plug_ins
from gridkit.recipe import load_recipe
from gridkit.results.clip_table import ClipTable, tabulate
from gridkit.results.files import (
    CLIPS_FILE,
    ClipsFile,
    Scored,
    read_scored,
    write_result,
)
from gridkit.results.records import PROTOCOL, ClipScore, Result, recogniser_key
from gridkit.results.statistics import estimates, per_slot, per_speaker
from gridkit.results.system_card import SystemCard, read_system_card
from gridkit.results.timing import FailedTiming, Timing, percentiles, read_timing, write_timing
from gridkit.store.files import write_file

RANK_METRICS = {"v2s": "estoi", "lipreading": "wer", "recognition": "wer"}
TIMED_CLIPS = 20


def evaluate(spec: ModelSpec, subset: Subset, out: Path, options: Options) -> Scored:
    """Evaluate a system on a subset, into a folder.

    Args:
        spec: the system, downloaded.
        subset: the clips.
        out: the RESULT folder; made, or gone on with.
        options: how.

    Raises:
        LockedError: another run works in the folder.
        ResultError: the folder holds the answer to another question.
        CorpusError: clips of the split are missing and that was not allowed.
        SystemLoadError: the system cannot be loaded.
        UsageError: a control, recogniser or protocol that does not exist, or a contaminated judge.
    """
    _check_protocol(options.protocol)
    _check_missing(subset, options)
    recognisers = load_recognisers(options.recognisers, subset)
    _check_task(spec, subset, out, options)
    with folder_lock(out):
        judges = versions_of(recognisers)
        check_question(out, question_of(spec, subset, options, judges))
        card = collect_predictions(spec, subset, out, options)
        task = str(card.task)
        headline = _headline(task, options.protocol)
        heard_by = recognisers if task == "v2s" else {}
        scores = _score(spec, subset, out, options, heard_by, task)
        judged_by = {name: judges[name] for name in heard_by}
        true_audio = _true_audio(subset, out, options, heard_by, judged_by)
        if spec.is_run and options.timed and not _is_timed(out, options, card):
            _time(spec, subset, out, options, card)
        named = {recogniser_key(name): judged for name, judged in judged_by.items()}
        result = _result(subset, options, card, headline, scores, true_audio, named)
        write_result(out, result)
    return read_scored(out)


def _check_protocol(name: str) -> None:
    known = (PROTOCOL, *OLDER_PROTOCOLS)
    if name not in known:
        raise UsageError(f"no protocol {name!r}; there are {', '.join(known)}")


def _check_task(spec: ModelSpec, subset: Subset, out: Path, options: Options) -> None:
    """Refuse what gives text to an older protocol before it is asked for a clip."""
    if options.protocol != PROTOCOL and not PredictionWriter(out).is_finished:
        task = _known_task(spec, subset, out, options)
        if task is not None:
            _headline(task, options.protocol)


def _known_task(spec: ModelSpec, subset: Subset, out: Path, options: Options) -> str | None:
    """Return a system's task; None where its predictions tell, or it cannot be loaded.

    Code says its task once it is loaded: it is, for this alone, and ended again.
    """
    if spec.kind == "control":
        return options.task
    assert spec.path is not None
    if spec.kind == "predictions":
        maker = read_system_card(spec.path)
        return maker.task if maker else None
    if spec.kind in RECIPE_KINDS:
        return load_recipe(spec.path).task
    with suppress(SystemLoadError), worker_of(spec, subset, options, out) as worker:
        return worker.start().task
    return None  # said again, and the system's log kept, where it is to predict


def _headline(task: str, protocol: str) -> str:
    """Return the metric that rows are ordered by: of an older protocol, its form of STOI."""
    if protocol == PROTOCOL:
        return RANK_METRICS[task]
    if task != "v2s":
        raise UsageError(f"--protocol {protocol} scores sound, and this system gives text")
    names = [metric.name for metric in OLDER_PROTOCOLS[protocol].metrics]
    return next(name for name in names if name.startswith("stoi"))


def _check_missing(subset: Subset, options: Options) -> None:
    if subset.missing and not options.allow_missing:
        raise CorpusError(
            f"{subset.corpus.folder} lacks {subset.missing} of the "
            f"{subset.missing + len(subset.ids)} clips of {subset.split.name}:{subset.name}; "
            "prepare them, or score what is there, without a rank, by --allow-missing"
        )


def _score(
    spec: ModelSpec,
    subset: Subset,
    out: Path,
    options: Options,
    recognisers: Recognisers,
    task: str,
) -> ClipTable:
    """Score what was saved, or go on with it."""
    file, predictions = out / CLIPS_FILE, PredictionWriter(out).saved()
    scores = score_predictions(
        subset.references(),
        predictions,
        file,
        recognisers=recognisers,
        plug_ins=plug_ins(),
        protocol=options.protocol,
        workers=options.workers or usable_cores(),
    )
    shown = _shown(label("score", spec), file, len(subset.ids), scores)
    # they stand there even where every clip failed
    return tabulate(shown, figures_of(task, options.protocol, recognisers, plug_ins()))


def _true_audio(
    subset: Subset,
    out: Path,
    options: Options,
    recognisers: Recognisers,
    judges: Mapping[str, str],
) -> ClipTable | None:
    """Let the recognisers hear the true sound, once for all systems scored on the same clips."""
    if not recognisers or options.protocol != PROTOCOL:  # older ones count words in other ways
        return None
    key = [subset.facts(), subset.corpus.file.manifest_sha256, versions(), judges]
    kept = cache_folder() / "true_audio" / f"{digest_of(key)}.jsonl"
    if kept.is_file():
        return tabulate(ClipsFile(kept))
    file = out / TRUE_AUDIO_FILE
    heard = hear_references(
        subset.references(),
        file,
        recognisers=recognisers,
        workers=options.workers or usable_cores(),
    )
    table = tabulate(_shown("hear the true sound", file, len(subset.ids), heard))
    write_file(kept, file.read_bytes())
    return table


def _shown(what: str, file: Path, total: int, scores: Iterable[ClipScore]) -> Iterator[ClipScore]:
    """Yield all scores, with a bar where some are still to be made."""
    done = len(ClipsFile(file)) if file.is_file() else 0
    if done == total:
        yield from scores
        return
    with Progress(what, total, done=done) as bar:
        for number, score in enumerate(scores):
            if number >= done:
                bar.advance()
            yield score


def _is_timed(out: Path, options: Options, card: SystemCard) -> bool:
    """Return whether a folder has the times that are asked for; an error is none."""
    timing = read_timing(out)
    if not isinstance(timing, Timing):
        return False
    if options.source is not None and card.crop is not None and timing.preprocess_ms is None:
        return False
    return timing.latency_ms.n >= (options.calls or 1)


def _time(spec: ModelSpec, subset: Subset, out: Path, options: Options, card: SystemCard) -> None:
    """Time a system on clips that it can answer; where it cannot be timed the file says why."""
    given = subset.given_to(card.crop)
    predictions = PredictionWriter(out).saved()
    answered = (clip for clip in subset.ids if predictions[clip].failure is None)
    clips: list[np.ndarray] = [given(clip) for clip in islice(answered, TIMED_CLIPS)]
    timing: Timing | FailedTiming
    try:
        if not clips:
            raise SystemFailedError(f"{spec.text} has no answer for any clip")
        with worker_of(spec, subset, options, out) as worker:
            timing = time_system(worker, clips, calls=options.calls)
        before_s = preprocess_times(subset, card.crop, options.source) if card.crop else []
        before = percentiles(before_s) if before_s else None
        timing = replace(timing, preprocess_ms=before)
    except SystemFailedError as error:
        timing = FailedTiming(str(error))
    write_timing(out, timing)


def _result(
    subset: Subset,
    options: Options,
    card: SystemCard,
    headline: str,
    scores: ClipTable,
    true_audio: ClipTable | None,
    judges: Mapping[str, str],
) -> Result:
    return Result(
        protocol=options.protocol,
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
        rank_metric=headline,
        metrics=estimates(scores, true_audio),
        versions={**versions(), **judges},
        missing=subset.missing,
        speakers=per_speaker(scores),
        slots=per_slot(scores),
    )

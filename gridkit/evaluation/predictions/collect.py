"""Get the predictions of a system of any kind, saved; it is asked only for those not yet there."""

from dataclasses import asdict, replace
from pathlib import Path

from gridkit.compute.local import Workers
from gridkit.compute.progress import Progress
from gridkit.corpus.tasks import TEXT_TASKS
from gridkit.errors import ModelChangedError, SystemFailedError, SystemLoadError, UsageError
from gridkit.evaluation.contamination import contamination_of
from gridkit.evaluation.elsewhere import Elsewhere, predict_elsewhere
from gridkit.evaluation.model_files import ModelFiles
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.ask import (
    DryRun,
    check_first_answers,
    dry_run,
    fresh_order,
    predict,
)
from gridkit.evaluation.predictions.controls import DECODINGS, control_predictions
from gridkit.evaluation.predictions.files import PredictionWriter, read_predictions
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.sandbox.facts import SystemFacts
from gridkit.evaluation.sandbox.limits import Limits
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.contract import System
from gridkit.evaluation.systems.in_process import InProcess
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.results.files import LOG_FILE
from gridkit.results.system_card import (
    SystemCard,
    card_of_entries,
    read_system_card,
    write_system_card,
)
from gridkit.store.files import write_file


def label(step: str, spec: ModelSpec) -> str:
    """Return what a progress bar says of a step; controls by name, as several follow each other."""
    return f"{step} {spec.text}" if spec.kind == "control" else step


def try_out(spec: ModelSpec, subset: Subset, options: Options) -> DryRun:
    """Check a system on two clips, and score nothing.

    Raises:
        UsageError: it is not a system that is run.
        SystemLoadError: it cannot be loaded or breaks the contract.
        SystemFailedError: it gave no usable answer. What the system printed, its traceback too, is
            a note of either.
        RecipeError: it is built on a recipe that is missing.
    """
    if not spec.is_run:
        raise UsageError(f"--dry-run: {spec.text} is not run; give a system")
    contamination_of(spec, subset)  # a recipe that it is built on may be missing
    with worker_of(spec, subset, options) as worker:
        try:
            input_of = subset.input_of(worker.start().crop)
            return dry_run(worker, (input_of(clip) for clip in subset.ids[:2]))
        except (SystemLoadError, SystemFailedError) as error:
            worker.stop()
            error.add_note(worker.log())
            raise


def collect_predictions(
    spec: ModelSpec,
    files: ModelFiles,
    subset: Subset,
    out: Path,
    options: Options,
    processes: Workers,
    elsewhere: Elsewhere | None = None,
) -> SystemCard:
    """Predict what is not predicted yet; return what the result says of the system.

    Args:
        spec: a system, a control, or predictions made elsewhere.
        files: of the system; each of its processes, and the end, finds them as they were.
        subset: the clips.
        out: the RESULT folder.
        options: how.
        processes: for the controls that take long.
        elsewhere: the machines that a system runs on; None: this one.

    Raises:
        ModelChangedError: the system's files changed; what it has said since they were last found
            as they were is not kept.
        RecipeError: it is built on a recipe that is missing.
    """
    writer = PredictionWriter(out)
    kept = read_system_card(out)
    if writer.is_finished and kept is not None:
        return kept
    # first: a recipe that it is built on may be missing
    contamination = contamination_of(spec, subset)
    if spec.kind == "control":
        card = _predict_control(spec, subset, writer, options, processes)
    elif spec.kind == "predictions":
        card = _copy_predictions(spec, subset, writer, options)
    elif spec.system is not None:
        card = _predict_in_process(spec, spec.system, subset, writer)
    elif elsewhere is not None:
        card = _predict_elsewhere(spec, files, subset, out, options, elsewhere)
    else:
        card = _predict(spec, files, subset, writer, out, options)
    if spec.is_run:
        card = replace(card, contamination=contamination)
    card = replace(card, stateful=writer.saved().any_stateful)
    write_system_card(out, card)
    writer.finish()
    return card


def _predict_control(
    spec: ModelSpec, subset: Subset, writer: PredictionWriter, options: Options, processes: Workers
) -> SystemCard:
    done = set(writer.saved())
    predictions = control_predictions(
        spec.name,
        options.task,
        subset.references(),
        subset.train_references(),
        processes,
        done=done,
    )
    with Progress(label("predict", spec), len(subset.ids), done=len(done)) as bar:
        for prediction in predictions:
            writer.add(prediction)
            bar.advance()
    writer.flush()
    return SystemCard(
        spec.label,
        options.task,
        decoding=DECODINGS.get(spec.name),
        isolation="does not apply",
    )


def _copy_predictions(
    spec: ModelSpec, subset: Subset, writer: PredictionWriter, options: Options
) -> SystemCard:
    """Take over predictions made elsewhere; the first that is usable tells the task."""
    if spec.path is None:
        raise UsageError(f"{spec.text} names no folder of predictions")
    found = read_predictions(spec.path)
    none = Prediction("", failure="type", detail="this clip has no prediction")
    done = writer.saved()
    maker = read_system_card(spec.path) or SystemCard()
    task = maker.task
    for clip in subset.ids:
        prediction = done[clip] if clip in done else replace(found.get(clip, none), id=clip)
        task = task or _task_of(prediction)
        gives_text = prediction.text is not None
        if prediction.failure is None and gives_text != (task in TEXT_TASKS):
            given_as, others = ("text", "sound") if gives_text else ("sound", "text")
            detail = f"{given_as}, where the others are {others}"
            prediction = Prediction(clip, failure="type", detail=detail)
        if clip not in done:
            writer.add(prediction)
    writer.flush()
    # still true of predictions when someone else scores them
    return SystemCard(
        spec.label,
        task or options.task,
        revision=maker.revision,
        decoding=maker.decoding,
        isolation="does not apply",
        contamination=maker.contamination or "unknown",
    )


def _task_of(prediction: Prediction) -> str | None:
    if prediction.text is not None:
        return "lipreading"
    return "v2s" if prediction.samples is not None else None


def _predict(
    spec: ModelSpec,
    files: ModelFiles,
    subset: Subset,
    writer: PredictionWriter,
    out: Path,
    options: Options,
) -> SystemCard:
    """Ask the system about every clip that is not saved yet; its log is kept, whatever happens."""

    def check_files() -> None:
        files.check()
        writer.vouch()

    writer.vouch()  # the files were found as a question of an earlier run has them
    worker = worker_of(spec, subset, options, out, before_start=check_files)
    try:
        facts = worker.start()
        _ask(worker, subset, writer, facts)
        check_files()
        return _card(spec, facts, worker.limits, options)
    except ModelChangedError:
        writer.discard()
        raise
    finally:
        writer.flush()
        worker.stop()
        write_file(out / LOG_FILE, worker.log().encode())


def _predict_elsewhere(
    spec: ModelSpec,
    files: ModelFiles,
    subset: Subset,
    out: Path,
    options: Options,
    elsewhere: Elsewhere,
) -> SystemCard:
    said = predict_elsewhere(spec, files, subset, out, options, elsewhere.predicting)
    write_file(out / LOG_FILE, said.log.encode())
    return _card(spec, said.facts, said.limits, options)


def _predict_in_process(
    spec: ModelSpec, system: System, subset: Subset, writer: PredictionWriter
) -> SystemCard:
    """Ask an object of this process about every clip."""
    asked = InProcess(system, spec.text)
    if asked.facts.crop is not None:
        subset.corpus.check_profiles([asked.facts.crop])
    _ask(asked, subset, writer, asked.facts)
    writer.flush()
    return _card(spec, asked.facts)


def _ask(
    worker: Worker | InProcess, subset: Subset, writer: PredictionWriter, facts: SystemFacts
) -> None:
    done = set(writer.saved())
    order = fresh_order(subset.ids, done=done)
    if not order:
        return
    with Progress("predict", len(subset.ids), done=len(done)) as bar:
        predictions = predict(worker, order, subset.input_of(facts.crop))
        for prediction in predictions if done else check_first_answers(predictions):
            writer.add(prediction)
            bar.advance()


def _card(
    spec: ModelSpec,
    facts: SystemFacts,
    limits: Limits | None = None,
    options: Options | None = None,
) -> SystemCard:
    given = {
        "variables": sorted(options.variables) if options else [],
        "reads": sorted(path.resolve().name for path in options.reads) if options else [],
        "follow_links": options is not None and options.follow_links,
    }
    entries = {
        "name": spec.label,
        **facts.card,
        # of a model of the Hub the commit says more than what its card says of its weights
        "revision": spec.revision or facts.card.get("revision"),
        "task": facts.task,
        "crop": facts.crop,
        "sample_rate": facts.sample_rate,
        "isolation": facts.isolation,
        "contamination": None,  # `collect_predictions` says these two
        "stateful": None,
        "limits_s": asdict(limits) if limits else None,
    } | {key: names for key, names in given.items() if names}
    return card_of_entries(entries, spec.text)

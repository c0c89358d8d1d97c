"""Evaluate one system: predict, save, score what was saved, time, and put the figures together.

A run that is killed goes on where it stopped: predictions and scores on the disk are kept. A
folder belongs to one question (system, clips, protocol, recognisers); another is refused there.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gridkit import __version__
from gridkit.compute.local import usable_cores
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.errors import CorpusError, ResultError, UsageError
from gridkit.evaluate.controls import control_predictions
from gridkit.evaluate.predict import dry_run, fresh_order, predict
from gridkit.evaluate.records import PROTOCOL, ClipScore, Result
from gridkit.evaluate.report.clips import ClipMedia
from gridkit.evaluate.results import (
    CLIPS_FILE,
    TIMING_FILE,
    Scored,
    read_scored,
    write_result,
)
from gridkit.evaluate.saved import PredictionWriter, read_predictions
from gridkit.evaluate.score import Recognisers, hear_references, score_predictions
from gridkit.evaluate.statistics import estimates, per_slot, per_speaker
from gridkit.evaluate.subset import Subset
from gridkit.evaluate.systems import ModelSpec
from gridkit.evaluate.timing import time_system
from gridkit.evaluate.worker import SystemFacts, Worker
from gridkit.metrics.recognise import recogniser_factory
from gridkit.metrics.registry import plug_ins
from gridkit.recipe import load_recipe, load_recogniser, trained_ids
from gridkit.store.files import write_file

RANK_METRICS = {"v2s": "estoi", "lipreading": "wer"}
QUESTION_FILE = "question.json"
TRUE_AUDIO_FILE = "true_audio.jsonl"
TIMED_CLIPS = 20
PROBE_CLIPS = 20
"""Of a folder of predictions: enough to tell sound from text."""
SCORERS = ("pesq", "pystoi", "soxr", "jiwer", "av", "numpy", "scipy", "pocketsphinx")
"""Packages that can move a figure; their versions stand in every result."""


@dataclass(frozen=True)
class Options:
    """How to evaluate."""

    recognisers: tuple[str, ...] = ("pocketsphinx",)
    """Names, or folders of recipes; they hear what a video-to-speech system says."""
    protocol: str = PROTOCOL
    task: str = "v2s"
    """Of controls and of a folder of predictions; a system says its own."""
    device: str = "cpu"
    workers: int | None = None
    """Processes that score; None: all cores."""
    isolate: bool = True
    timed: bool = True
    calls: int | None = None
    """Timed calls; None: those of the protocol."""
    allow_missing: bool = False


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
    _check_missing(subset, options)
    recognisers = load_recognisers(options.recognisers, subset)
    with folder_lock(out):
        _check_question(out, _question(spec, subset, options))
        facts = _make_predictions(spec, subset, out, options)
        scores, true_audio = _score(subset, out, options, recognisers, facts)
        if spec.is_run and options.timed and not (out / TIMING_FILE).is_file():
            _time(spec, subset, out, options)
        write_result(out, _result(subset, options, facts, scores, true_audio))
    return read_scored(out)


def try_out(spec: ModelSpec, subset: Subset, options: Options) -> SystemFacts:
    """Check a system on two clips, score nothing, and return what it says of itself.

    Raises:
        UsageError: it is no system that is run.
        SystemLoadError: it cannot be loaded or breaks the contract.
        SystemFailedError: it gave no usable answer.
    """
    if not spec.is_run:
        raise UsageError(f"--dry-run: {spec.text} is not run; name a system")
    with worker_of(spec, subset, options) as worker:
        frames = subset.frames_of(worker.start().crop)
        return dry_run(worker, (frames(clip) for clip in subset.ids[:2]))


def media_of(scored: Scored, subset: Subset) -> Callable[[str], ClipMedia]:
    """Return what gives the report the sounds and the crop of a clip.

    The crop is the one that the system saw; for what saw none, the first one the corpus has.
    """
    profiles = subset.corpus.file.profiles
    crop = str(scored.result.system.get("crop", next(iter(profiles))))
    predictions = PredictionWriter(scored.folder).saved()
    return subset.media(lambda clip: predictions[clip].samples, crop)


def worker_of(spec: ModelSpec, subset: Subset, options: Options, out: Path | None = None) -> Worker:
    """Return the process that a system will run in; corpus and results are out of its reach."""
    hidden = [subset.corpus.folder, *([out] if out else [])]
    return Worker(
        spec,
        device=options.device,
        profiles=tuple(subset.corpus.file.profiles),
        hidden=hidden,
        isolate=options.isolate,
    )


def load_recognisers(names: Sequence[str], subset: Subset) -> Recognisers:
    """Return what makes each recogniser; one that was trained on these clips is refused.

    Raises:
        UsageError: there is no such recogniser, or it is contaminated.
    """
    factories: dict[str, Callable[[], object]] = {}
    for name in names:
        folder = Path(name)
        if not (folder / "recipe.toml").is_file():
            factories[name] = recogniser_factory(name)
            continue
        recipe = load_recipe(folder)
        heard = trained_ids(recipe) & set(subset.ids)
        if heard:
            raise UsageError(
                f"--recogniser {name} was trained on {len(heard)} of these clips, such as "
                f"{min(heard)}: its judgement would flatter; choose another"
            )
        factories[recipe.name] = partial(load_recogniser, folder)
    return factories  # type: ignore[return-value]


def _check_missing(subset: Subset, options: Options) -> None:
    if subset.missing and not options.allow_missing:
        raise CorpusError(
            f"{subset.corpus.folder} lacks {subset.missing} of the "
            f"{subset.missing + len(subset.ids)} clips of {subset.split.name}:{subset.name}; "
            "prepare them, or score what is there, without a rank, by --allow-missing"
        )


def _question(spec: ModelSpec, subset: Subset, options: Options) -> dict[str, object]:
    return {
        "model": spec.text,
        "content": _content_sha256(spec),
        "split": subset.facts(),
        "corpus": subset.corpus.file.manifest_sha256,
        "protocol": options.protocol,
        "recognisers": list(options.recognisers),
        "device": options.device,
    }


def _content_sha256(spec: ModelSpec) -> str | None:
    """Return the hash of a system's own files, so that a changed system is asked anew."""
    if spec.path is None:
        return None
    files = [spec.path] if spec.path.is_file() else sorted(spec.path.glob("*"))
    digest = hashlib.sha256()
    for file in files:
        if file.is_file() and file.suffix in {".py", ".toml", ".safetensors", ".pt2", ".onnx"}:
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_question(out: Path, question: Mapping[str, object]) -> None:
    path = out / QUESTION_FILE
    if path.is_file():
        earlier = json.loads(path.read_text())
        differs = [key for key, value in question.items() if earlier.get(key) != value]
        if differs:
            raise ResultError(
                f"{out} holds another evaluation (its {', '.join(differs)} differ); "
                "choose another --out, or remove it"
            )
    else:
        write_file(path, f"{json.dumps(question, indent=1, sort_keys=True)}\n".encode())


def _make_predictions(
    spec: ModelSpec, subset: Subset, out: Path, options: Options
) -> Mapping[str, object]:
    """Predict what is not predicted yet; return what the result says of the system."""
    writer = PredictionWriter(out)
    card_file = out / "system.json"
    if writer.is_finished and card_file.is_file():
        return dict(json.loads(card_file.read_text()))
    if spec.kind == "control":
        card = _predict_control(spec, subset, writer, options)
    elif spec.kind == "predictions":
        card = _copy_predictions(spec, subset, writer)
    else:
        with worker_of(spec, subset, options, out) as worker:
            facts = worker.start()
            card = _card(spec, facts, subset)
            _ask(worker, subset, writer, facts)
    card["stateful"] = any(writer.saved()[clip].stateful for clip in subset.ids)
    write_file(card_file, json.dumps(card, indent=1, sort_keys=True, default=str).encode())
    writer.finish()
    return card


def _predict_control(
    spec: ModelSpec, subset: Subset, writer: PredictionWriter, options: Options
) -> dict[str, object]:
    done = set(writer.saved())
    predictions = control_predictions(
        spec.name, options.task, subset.references(), subset.train_references()
    )
    with Progress(f"predict {spec.text}", len(subset.ids)) as bar:
        for prediction in predictions:
            if prediction.id not in done:
                writer.add(prediction)
            bar.advance()
    writer.flush()
    return {"name": spec.text, "task": options.task, "isolation": "does not apply"}


def _copy_predictions(
    spec: ModelSpec, subset: Subset, writer: PredictionWriter
) -> dict[str, object]:
    assert spec.path is not None
    given = read_predictions(spec.path)
    done = set(writer.saved())
    for clip in subset.ids:
        if clip not in done:
            writer.add(given[clip])
    writer.flush()
    texts = sum(given[clip].text is not None for clip in subset.ids[:PROBE_CLIPS])
    task = "lipreading" if texts else "v2s"
    return {"name": spec.text, "task": task, "isolation": "does not apply"}


def _ask(worker: Worker, subset: Subset, writer: PredictionWriter, facts: SystemFacts) -> None:
    done = set(writer.saved())
    order = fresh_order(subset.ids, done=done)
    with Progress("predict", len(subset.ids), done=len(done)) as bar:
        for prediction in predict(worker, order, subset.frames_of(facts.crop)):
            writer.add(prediction)
            bar.advance()
    writer.flush()


def _card(spec: ModelSpec, facts: SystemFacts, subset: Subset) -> dict[str, object]:
    return {
        "name": spec.text,
        "revision": spec.revision,
        **facts.card,
        "task": facts.task,
        "crop": facts.crop,
        "sample_rate": facts.sample_rate,
        "isolation": facts.isolation,
        "contamination": _contamination(spec, subset),
    }


def _contamination(spec: ModelSpec, subset: Subset) -> str:
    """Return whether a system was trained on the clips it is scored on, where that is known."""
    if spec.path is None or spec.kind not in ("recipe", "hub"):
        return "unknown"
    return "contaminated" if trained_ids(load_recipe(spec.path)) & set(subset.ids) else "clean"


def _score(
    subset: Subset,
    out: Path,
    options: Options,
    recognisers: Recognisers,
    facts: Mapping[str, object],
) -> tuple[list[ClipScore], list[ClipScore]]:
    spoken = facts["task"] == "v2s"
    heard_by = recognisers if spoken else {}
    scores = _collect(
        "score",
        subset,
        score_predictions(
            subset.references(),
            PredictionWriter(out).saved(),
            out / CLIPS_FILE,
            recognisers=heard_by,
            plug_ins=plug_ins() if spoken else (),
            protocol=options.protocol,
            workers=options.workers or usable_cores(),
        ),
    )
    true_audio: list[ClipScore] = []
    if heard_by:
        true_audio = _collect(
            "hear the true sound",
            subset,
            hear_references(
                subset.references(),
                out / TRUE_AUDIO_FILE,
                recognisers=heard_by,
                workers=options.workers or usable_cores(),
            ),
        )
    return scores, true_audio


def _collect(label: str, subset: Subset, scores: Iterable[ClipScore]) -> list[ClipScore]:
    collected = []
    with Progress(label, len(subset.ids)) as bar:
        for score in scores:
            collected.append(score)
            bar.advance()
    return collected


def _time(spec: ModelSpec, subset: Subset, out: Path, options: Options) -> None:
    with worker_of(spec, subset, options, out) as worker:
        frames = subset.frames_of(worker.start().crop)
        clips: list[np.ndarray] = [frames(clip) for clip in subset.ids[:TIMED_CLIPS]]
        timing = time_system(worker, clips, calls=options.calls)
    content = json.dumps(timing.to_json(), indent=1, default=str)
    write_file(out / TIMING_FILE, f"{content}\n".encode())


def _result(
    subset: Subset,
    options: Options,
    facts: Mapping[str, object],
    scores: Sequence[ClipScore],
    true_audio: Sequence[ClipScore],
) -> Result:
    task = str(facts["task"])
    return Result(
        protocol=options.protocol,
        task=task,
        system=facts,
        corpus={
            "sha256": subset.corpus_sha256,
            "synthetic": subset.corpus.file.synthetic,
            "source": subset.corpus.file.source,
        },
        split=subset.facts(),
        n=len(scores),
        failed=dict(Counter(score.reason or "" for score in scores if score.status == "failed")),
        rank_metric=RANK_METRICS[task],
        metrics=estimates(scores, true_audio),
        versions={"gridkit": __version__} | {name: version(name) for name in SCORERS},
        missing=subset.missing,
        speakers=per_speaker(scores),
        slots=per_slot(scores),
    )

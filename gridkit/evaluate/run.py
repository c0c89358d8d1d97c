"""Evaluate one system: predict, save, score what was saved, time, and put the figures together.

A run that is killed goes on where it stopped: predictions and scores on the disk are kept. A
folder belongs to one question (system, clips, protocol, recognisers); another is refused there.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gridkit import __version__
from gridkit.compute.local import usable_cores
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.errors import CorpusError, ResultError, SystemFailedError, UsageError
from gridkit.evaluate.collect import collect_predictions, worker_of
from gridkit.evaluate.options import Options
from gridkit.evaluate.records import PROTOCOL, ClipScore, Result
from gridkit.evaluate.report.clips import ClipMedia
from gridkit.evaluate.results import (
    CLIPS_FILE,
    TIMING_FILE,
    Scored,
    read_clips,
    read_scored,
    write_result,
)
from gridkit.evaluate.saved import PredictionWriter
from gridkit.evaluate.score import Recognisers, hear_references, score_predictions
from gridkit.evaluate.statistics import estimates, per_slot, per_speaker
from gridkit.evaluate.subset import Subset
from gridkit.evaluate.systems import ModelSpec
from gridkit.evaluate.timing import time_system
from gridkit.metrics.recognise import recogniser_factory
from gridkit.metrics.registry import plug_ins
from gridkit.recipe import load_recipe, load_recogniser, trained_ids
from gridkit.store.files import write_file

RANK_METRICS = {"v2s": "estoi", "lipreading": "wer"}
QUESTION_FILE = "question.json"
TRUE_AUDIO_FILE = "true_audio.jsonl"
TIMED_CLIPS = 20
SCORERS = ("pesq", "pystoi", "soxr", "jiwer", "av", "numpy", "scipy", "pocketsphinx")
"""Packages that can move a figure; their versions stand in every result."""


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
        facts = collect_predictions(spec, subset, out, options)
        scores, true_audio = _score(subset, out, options, recognisers, facts)
        if spec.is_run and options.timed and not (out / TIMING_FILE).is_file():
            _time(spec, subset, out, options, facts)
        write_result(out, _result(subset, options, facts, scores, true_audio))
    return read_scored(out)


def media_of(scored: Scored, subset: Subset) -> Callable[[str], ClipMedia]:
    """Return what gives the report the sounds and the crop of a clip.

    The crop is the one that the system saw; for what saw none, the first one the corpus has.
    """
    profiles = subset.corpus.file.profiles
    crop = str(scored.result.system.get("crop", next(iter(profiles))))
    predictions = PredictionWriter(scored.folder).saved()
    return subset.media(lambda clip: predictions[clip].samples, crop)


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
    return scores, _true_audio(subset, out, options, heard_by)


def _true_audio(
    subset: Subset, out: Path, options: Options, recognisers: Recognisers
) -> list[ClipScore]:
    """Let the recognisers hear the true sound, once for all systems scored on the same clips."""
    if not recognisers:
        return []
    key = [subset.facts(), subset.corpus.file.manifest_sha256, versions_of(recognisers)]
    kept = cache_folder() / "true_audio" / f"{digest_of(key)}.jsonl"
    if kept.is_file():
        return list(read_clips(kept))
    file = out / TRUE_AUDIO_FILE
    heard = hear_references(
        subset.references(),
        file,
        recognisers=recognisers,
        workers=options.workers or usable_cores(),
    )
    scores = _collect("hear the true sound", subset, heard)
    write_file(kept, file.read_bytes())
    return scores


def cache_folder() -> Path:
    """Return where what can be made again is kept."""
    return Path(os.environ.get("GRIDKIT_CACHE", "~/.cache/gridkit")).expanduser()


def digest_of(question: object) -> str:
    """Return a short hash of what decides a cached result."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def versions_of(recognisers: Recognisers) -> dict[str, str]:
    """Return the version of each recogniser; it changes whenever its answers may."""
    return {name: make().version for name, make in sorted(recognisers.items())}


def _collect(label: str, subset: Subset, scores: Iterable[ClipScore]) -> list[ClipScore]:
    collected = []
    with Progress(label, len(subset.ids)) as bar:
        for score in scores:
            collected.append(score)
            bar.advance()
    return collected


def _time(
    spec: ModelSpec, subset: Subset, out: Path, options: Options, facts: Mapping[str, object]
) -> None:
    """Time a system; one that fails meanwhile gets no latency, and the file says why."""
    frames = subset.frames_of(str(facts["crop"]))
    clips: list[np.ndarray] = [frames(clip) for clip in subset.ids[:TIMED_CLIPS]]
    content: dict[str, object]
    try:
        with worker_of(spec, subset, options, out) as worker:
            content = time_system(worker, clips, calls=options.calls).to_json()
    except SystemFailedError as error:
        content = {"schema": 1, "error": str(error)}
    write_file(out / TIMING_FILE, f"{json.dumps(content, indent=1, default=str)}\n".encode())


def _result(
    subset: Subset,
    options: Options,
    facts: Mapping[str, object],
    scores: Sequence[ClipScore],
    true_audio: Sequence[ClipScore],
) -> Result:
    task = str(facts["task"])
    # figures that stand there even where every clip failed
    expected = (RANK_METRICS[task],) if options.protocol == PROTOCOL else ()
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
        metrics=estimates(scores, true_audio, expected),
        versions={"gridkit": __version__} | {name: version(name) for name in SCORERS},
        missing=subset.missing,
        speakers=per_speaker(scores, expected),
        slots=per_slot(scores),
    )

"""What decides the figures of a run: the question of a RESULT folder, and keys of the cache.

A folder answers one question. Asked again with the same one, a run goes on with what is there;
with another (a changed model, newer libraries, other clips) it is refused, so that no result is
put together from two.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from gridkit import __version__
from gridkit.corpus.splits import hash_ids
from gridkit.errors import ResultError
from gridkit.evaluate.collect import LOG_FILE
from gridkit.evaluate.controls import FROM_TRAIN
from gridkit.evaluate.given import SUFFIXES
from gridkit.evaluate.options import Options
from gridkit.evaluate.records import NORMALISER_KEY
from gridkit.evaluate.results import CLIPS_FILE, REPORT_FILE, RESULT_FILE, TIMING_FILE
from gridkit.evaluate.saved import FILE, FOLDER, SYSTEM_FILE
from gridkit.evaluate.subset import Subset
from gridkit.evaluate.systems import RECIPE_KINDS, ModelSpec
from gridkit.metrics.registry import plug_ins
from gridkit.metrics.text import NORMALISER
from gridkit.recipe import load_recipe
from gridkit.store.files import write_file

QUESTION_FILE = "question.json"
TRUE_AUDIO_FILE = "true_audio.jsonl"
OF_PREDICTIONS = (
    CLIPS_FILE,
    RESULT_FILE,
    REPORT_FILE,
    SYSTEM_FILE,
    LOG_FILE,
    TIMING_FILE,
    TRUE_AUDIO_FILE,
)
"""What a run writes into a RESULT folder beside predictions; worth nothing without them."""
SCORERS = ("pesq", "pystoi", "soxr", "jiwer", "av", "numpy", "scipy", "pocketsphinx")
"""Packages that can move a figure; their versions stand in every result."""
MODEL_SUFFIXES = (
    ".py .toml .json .safetensors .pt .pth .pt2 .ckpt .bin .npy .npz .onnx .data".split()
)
"""Files beside a model that decide what it says."""


def versions() -> dict[str, str]:
    """Return the versions of gridkit and of all that can move a figure."""
    own = {"gridkit": __version__, NORMALISER_KEY: NORMALISER}
    return own | {name: version(name) for name in SCORERS}


def clips_question(
    subset: Subset, options: Options, recognisers: Mapping[str, str]
) -> dict[str, object]:
    """Return what decides the scores of given predictions.

    Args:
        subset: the clips.
        options: protocol and the like.
        recognisers: name to version.
    """
    return {
        "split": subset.facts(),
        "corpus": subset.corpus.file.manifest_sha256,
        "protocol": options.protocol,
        "recognisers": dict(sorted(recognisers.items())),
        "plug-in metrics": [metric.name for metric in plug_ins()],
        "versions": versions(),
    }


def question_of(
    spec: ModelSpec, subset: Subset, options: Options, recognisers: Mapping[str, str]
) -> dict[str, object]:
    """Return what decides a RESULT: the system, and how it is scored."""
    system: dict[str, object] = {"model": spec.text, "content": content_sha256(spec)}
    if spec.is_run:
        system |= {"device": options.device, "isolated": options.isolate}
        if spec.path is not None and spec.kind in RECIPE_KINDS:
            system["decoding"] = spec.decoding or load_recipe(spec.path).decoding
    else:
        system |= {"task": options.task}
    if spec.kind == "control" and spec.name in FROM_TRAIN:
        system["train"] = train_sha256(subset)
    return system | clips_question(subset, options, recognisers)


def train_sha256(subset: Subset) -> str:
    """Return the hash of the train clips that the corpus has of the split.

    They decide what some controls say, and a list may have others than one of its name had.
    """
    return hash_ids(subset.kept("train"))


def check_question(out: Path, question: Mapping[str, object]) -> None:
    """Write the question into a RESULT folder; where predictions are, compare it with theirs.

    Where none are, scores and times that an earlier run left are of predictions that are gone:
    they are removed.

    Raises:
        ResultError: the folder holds the answer to another question, or predictions without one.
    """
    path = out / QUESTION_FILE
    if not any((out / FOLDER).glob("*.parquet")):
        for name in OF_PREDICTIONS:
            (out / name).unlink(missing_ok=True)
        write_file(path, f"{json.dumps(question, indent=1, sort_keys=True)}\n".encode())
        return
    if not path.is_file():
        raise ResultError(
            f"{out} has {FOLDER}/ without {QUESTION_FILE}, so nobody knows of what; "
            f"choose another --out, or remove {out / FOLDER}"
        )
    try:
        earlier = dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ResultError(f"{path} is damaged; choose another --out, or remove {out}") from error
    differs = [key for key, value in question.items() if earlier.get(key) != value]
    if differs:
        raise ResultError(
            f"{out} holds another evaluation (it differs in {', '.join(differs)}); "
            "choose another --out, or remove it"
        )


def content_sha256(spec: ModelSpec) -> str | None:
    """Return the hash of a system's own files, so that a changed system is asked anew.

    Of a model, they are the code and weights in its folder; of predictions, all of them.
    """
    if spec.path is None:
        return None
    digest = hashlib.sha256()
    for file in sorted(_own_files(spec, spec.path)):
        digest.update(str(file.relative_to(file.parent.parent)).encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def digest_of(question: object) -> str:
    """Return a short hash of what decides a cached result."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def _own_files(spec: ModelSpec, path: Path) -> Iterable[Path]:
    if spec.kind == "predictions":
        whole = [path / FILE, path / FOLDER / FILE]
        found = [file for file in whole if file.is_file()][:1]
        found = found or [file for file in path.glob("*/*") if file.suffix in SUFFIXES]
        return found + [file for file in [path / SYSTEM_FILE] if file.is_file()]
    folder = path if path.is_dir() else path.parent
    return [file for file in folder.glob("*") if file.suffix in MODEL_SUFFIXES and file.is_file()]

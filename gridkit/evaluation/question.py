"""What decides the figures of a run: the question of a RESULT folder, and keys of the cache.

A folder answers one question. Asked again with the same one, a run resumes with what is there;
with another (a changed model, newer libraries, other clips) it is refused, so that no result is
put together from two.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from gridkit import __version__
from gridkit.corpus.splits import hash_ids
from gridkit.errors import ResultError
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.controls import FROM_TRAIN
from gridkit.evaluation.predictions.files import FOLDER
from gridkit.evaluation.sandbox.policy import given_variables
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.contract import RECIPE_KINDS
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.metrics.normaliser import NORMALISER
from gridkit.metrics.registry import plug_ins
from gridkit.recipe import load_recipe
from gridkit.results.files import CLIPS_FILE, LOG_FILE, REPORT_FILE, RESULT_FILE
from gridkit.results.records import NORMALISER_KEY
from gridkit.results.system_card import SYSTEM_FILE
from gridkit.results.timing import TIMING_FILE
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
    spec: ModelSpec,
    content: Mapping[str, str] | str | None,
    subset: Subset,
    options: Options,
    recognisers: Mapping[str, str],
) -> dict[str, object]:
    """Return what decides a RESULT: the system, and how it is scored.

    Args:
        spec: the system.
        content: of its files (`ModelFiles.content`).
        subset: the clips.
        options: protocol, device and the like.
        recognisers: name to version.
    """
    local = spec.path is not None and not spec.is_on_hub
    # of one model, however the way to it was written
    model = f"{spec.kind}:{spec.path}:{spec.name}" if local else spec.text
    system: dict[str, object] = {"model": model, "content": content}
    if spec.is_run:
        system |= {"device": options.device, "isolated": options.isolate}
        if options.variables:
            given = given_variables(os.environ, options.variables)
            # a value may be a secret
            system["variables"] = {name: digest_of(value) for name, value in sorted(given.items())}
        if options.reads:
            system["reads"] = sorted(str(path.resolve()) for path in options.reads)
        if options.follow_links:
            system["follow_links"] = True
        if spec.path is not None and spec.kind in RECIPE_KINDS:
            decoding = spec.decoding or load_recipe(spec.path).decoding
            system |= {} if decoding is None else {"decoding": decoding}
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


def check_folder(out: Path) -> None:
    """Refuse a folder that is not gridkit's to write into and to clean: a corpus, a person's own.

    Only one with a `question.json` is, or one that is empty or does not exist. Hidden files do
    not count.

    Raises:
        ResultError: it holds something else.
    """
    if not out.exists() or (out / QUESTION_FILE).is_file():
        return
    if not out.is_dir():
        raise ResultError(f"{out} is a file; choose another --out, a folder")
    if any((out / FOLDER).glob("*.parquet")):
        raise ResultError(
            f"{out} has {FOLDER}/ without {QUESTION_FILE}, so it is not known what was predicted; "
            f"choose another --out, or remove {out / FOLDER}"
        )
    names = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise ResultError(
            f"{out} is not the folder of a result: it has no {QUESTION_FILE} and holds "
            f"{', '.join(names[:3])}{more}; choose another --out, new or empty"
        )


def check_question(out: Path, question: Mapping[str, object]) -> None:
    """Write the question into a RESULT folder; where predictions are, compare it with theirs.

    Where none are, scores and times that an earlier run left are of predictions that are gone:
    they are removed.

    Raises:
        ResultError: the folder holds the answer to another question.
    """
    path = out / QUESTION_FILE
    if not any((out / FOLDER).glob("*.parquet")):
        for name in OF_PREDICTIONS:
            (out / name).unlink(missing_ok=True)
        write_file(path, f"{json.dumps(question, indent=1, sort_keys=True)}\n".encode())
        return
    try:
        earlier = dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ResultError(f"{path} is damaged; choose another --out, or remove {out}") from error
    keys = dict.fromkeys((*question, *earlier))
    differs = [key for key in keys if earlier.get(key) != question.get(key)]
    if differs:
        named = [
            _differing_files(earlier, question) if key == "content" else key for key in differs
        ]
        scored_alone = set(differs) <= {"recognisers", "protocol", "plug-in metrics", "versions"}
        again = f"score its predictions again by --model predictions:{out} with another --out, or "
        raise ResultError(
            f"{out} holds another evaluation (it differs in {', '.join(named)}); "
            f"{again if scored_alone else ''}choose another --out, or remove it"
        )


def _differing_files(earlier: Mapping[str, object], question: Mapping[str, object]) -> str:
    """Return `content`, with up to three files of the model that changed, came or went."""
    before, now = earlier.get("content"), question["content"]
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        return "content"
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"content: {', '.join(names[:3])}{more}"


def digest_of(question: object) -> str:
    """Return a short hash of what decides a cached result."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]

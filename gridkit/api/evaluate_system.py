"""Evaluate a system from Python: an object of this process, or whatever `--model` takes."""

import tempfile
from pathlib import Path
from typing import cast

from gridkit.api.corpus import Corpus, open_corpus
from gridkit.api.evaluation import Evaluation
from gridkit.errors import UsageError
from gridkit.evaluation.options import Options
from gridkit.evaluation.reference_rows import reference_rows
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.scoring.scorer import open_scorer
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.contract import System
from gridkit.evaluation.systems.spec import ModelSpec, decoded_by, download_model, parse_model
from gridkit.recipe.shelf import shipped_folder

_temporary: list[tempfile.TemporaryDirectory] = []
"""Results without a folder of their own; they are removed when Python ends."""


def evaluate_system(
    system: object,
    corpus: Corpus | str | Path,
    split: str,
    options: Options,
    *,
    out: str | Path | None = None,
    decoding: str | None = None,
    controls: bool = True,
) -> Evaluation:
    """Evaluate a system; see `gridkit.evaluate`."""
    spec = decoded_by(spec_of(system), decoding)
    if spec.kind == "object" and options.timed:
        raise UsageError(
            f"{spec.text} is an object of this process, which is not timed; write it into a "
            "file.py with a factory, and give that"
        )
    opened = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    subset = open_subset(opened.stored, split)
    folder = _new_folder() if out is None else Path(out)
    if spec.kind == "object" and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} is not empty, and an object cannot be compared with the system of an "
            "earlier run; give another folder"
        )
    with open_scorer(subset, options) as scorer:
        scored = evaluate(spec, subset, folder, options, scorer)
        rows = reference_rows(
            scored, subset, options, shipped_folder(), controls=controls, scorer=scorer
        )
    return Evaluation(scored, subset, tuple(rows))


def spec_of(system: object) -> ModelSpec:
    """Return the system that is meant.

    Raises:
        UsageError: a class, where an object of it is needed, or text of no known form.
        SystemLoadError: a file or folder that is missing.
    """
    if isinstance(system, str | Path):
        return download_model(parse_model(str(system)))
    if isinstance(system, type):
        raise UsageError(f"{system.__name__} is a class; give an object: {system.__name__}(...)")
    name = getattr(system, "__name__", type(system).__name__)
    return ModelSpec(name, "object", system=cast(System, system))


def _new_folder() -> Path:
    _temporary.append(tempfile.TemporaryDirectory(prefix="gridkit-result-"))
    return Path(_temporary[-1].name)

"""The task of a system, and the metric that rows of it are ordered by."""

from contextlib import suppress
from pathlib import Path

from gridkit.errors import SystemLoadError, UsageError
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.contract import RECIPE_KINDS
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS
from gridkit.recipe import load_recipe
from gridkit.results.records import PROTOCOL
from gridkit.results.system_card import read_system_card

RANK_METRICS = {"v2s": "estoi", "lipreading": "wer", "recognition": "wer"}


def rank_metric_of(task: str, protocol: str) -> str:
    """Return the metric that rows are ordered by: of an older protocol, its form of STOI.

    Raises:
        UsageError: the protocol scores sound, and the task is to give text.
    """
    if protocol == PROTOCOL:
        return RANK_METRICS[task]
    if task != "v2s":
        raise UsageError(f"--protocol {protocol} scores sound, and this system gives text")
    names = [metric.name for metric in OLDER_PROTOCOLS[protocol].metrics]
    return next(name for name in names if name.startswith("stoi"))


def check_task(spec: ModelSpec, subset: Subset, out: Path, options: Options) -> None:
    """Refuse a system that gives text to an older protocol, before it is asked for a clip.

    Raises:
        UsageError: it gives text, and the protocol scores sound.
    """
    if options.protocol != PROTOCOL and not PredictionWriter(out).is_finished:
        task = _known_task(spec, subset, out, options)
        if task is not None:
            rank_metric_of(task, options.protocol)


def _known_task(spec: ModelSpec, subset: Subset, out: Path, options: Options) -> str | None:
    """Return a system's task; None where only its predictions tell, or it cannot be loaded.

    Code says its task once it is loaded, so it is loaded for this alone, and ended again.
    """
    if spec.kind == "control" or spec.path is None:
        return options.task
    if spec.kind == "predictions":
        maker = read_system_card(spec.path)
        return maker.task if maker else None
    if spec.kind in RECIPE_KINDS:
        return load_recipe(spec.path).task
    with suppress(SystemLoadError), worker_of(spec, subset, options, out) as worker:
        return worker.start().task
    return None  # the error is said again, and the system's log kept, when it is to predict

"""Load a system inside its own process; runs there alone.

Every error that the system's author can mend is a `SystemLoadError` of one line; an exception
in the author's own code is left as it is, and its traceback ends up in the system's log.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np

from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ
from gridkit.errors import SystemLoadError
from gridkit.evaluation.systems.call import check_contract, check_takes_one
from gridkit.evaluation.systems.contract import RECIPE_KINDS, System


def load_system(
    kind: str, path: str, factory: str, device: str, decoding: str | None = None
) -> System:
    """Return the system, checked to have what the contract names.

    Args:
        kind: as in `ModelSpec`.
        path: file or folder.
        factory: of a `.py` file; for `transport` the task.
        device: `cpu`, `cuda` or `cuda:N`.
        decoding: of a recipe; None for its own.

    Raises:
        SystemLoadError: it cannot be loaded, or breaks the contract.
        MissingExtraError: what it is loaded with is not installed.
    """
    if kind == "transport":
        return _Transport(factory)
    if kind == "python":
        system = _load_python(Path(path), factory)(device)
    elif kind in RECIPE_KINDS:
        from gridkit.recipe import load_system as load_recipe_system

        system = load_recipe_system(Path(path), device, decoding)
    else:
        from gridkit.evaluation.sandbox.guest.exported import load_exported

        system = load_exported(kind, Path(path), device)
    check_contract(system, Path(path).name)
    return cast(System, system)


class _Transport:
    """Answers silence, or a sentence, without looking."""

    crop = "none"
    sample_rate = SAMPLE_RATE_HZ

    def __init__(self, task: str):
        self.task = task
        self._answer: np.ndarray | str = (
            np.zeros(AUDIO_SAMPLES, np.float32) if task == "v2s" else "bin blue at f two now"
        )

    def __call__(self, frames: np.ndarray) -> np.ndarray | str:
        return self._answer


def _load_python(path: Path, factory: str) -> Callable[[str], object]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemLoadError(f"{path.name} cannot be imported as Python")
    sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    function = getattr(module, factory, None)
    if not callable(function):
        raise SystemLoadError(
            f"{path.name} has no factory {factory!r}; add `def {factory}(device: str)` that "
            f"returns the system, or name another: {path.name}:factory"
        )
    check_takes_one(function, f"{path.name}: {factory}", "the device, a string")
    return cast(Callable[[str], object], function)

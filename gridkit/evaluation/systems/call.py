"""A system, wherever it runs: is it one, what does it say of itself, what did a call come to.

Both the process that a system is locked into and a system in the caller's own process use these,
so that both see the same system and the same answers.
"""

import inspect
import os
import site
import sys
import sysconfig
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from gridkit.corpus.tasks import TASKS
from gridkit.errors import SystemLoadError
from gridkit.evaluation.systems.contract import RATES_HZ, System

_SHARING_FILES = tuple(
    os.path.join("multiprocessing", f"{name}.py")  # noqa: PTH118 (the end of a path as text)
    for name in ("synchronize", "shared_memory", "heap")
)
SHARED_MEMORY = (
    "no shared memory in isolation on this machine: use num_workers=0, and no Pool, Queue or "
    "shared_memory (docs/wrap-a-model.md)"
)
"""What a person is told where a system needs it and does not get it."""
_CARD_TYPES = (str, int, float, bool, type(None))


def check_contract(system: object, name: str) -> None:
    """Check that an object has what the contract of a system names.

    Args:
        system: any object.
        name: what to call it in an error.

    Raises:
        SystemLoadError: it breaks the contract; the message says what to add.
    """
    if not callable(system):
        raise SystemLoadError(
            f"{name}: the system is {type(system).__name__}, which cannot be called; it needs "
            "`__call__(self, frames)`"
        )
    task, crop = getattr(system, "task", None), getattr(system, "crop", None)
    needed = ["task"] + (["crop"] if task != "recognition" else [])
    needed += ["sample_rate"] if task == "v2s" else []
    missing = [attribute for attribute in needed if not hasattr(system, attribute)]
    if missing:
        raise SystemLoadError(
            f"{name}: the system has no {' and no '.join(f'`{part}`' for part in missing)}; set "
            "task ('v2s' or 'lipreading'), crop (a profile's name) and, for v2s, sample_rate"
        )
    if task not in TASKS:
        raise SystemLoadError(f"{name}: task is {task!r}; it has to be one of {', '.join(TASKS)}")
    if "crop" in needed and (not isinstance(crop, str) or not crop):
        raise SystemLoadError(f"{name}: crop is {crop!r}; it has to be the name of a crop profile")
    rate_hz = getattr(system, "sample_rate", None)
    lowest, highest = RATES_HZ
    if task == "v2s" and not (type(rate_hz) is int and lowest <= rate_hz <= highest):
        raise SystemLoadError(
            f"{name}: sample_rate is {rate_hz!r}; it has to be a whole number of Hz from {lowest} "
            f"to {highest}"
        )
    check_takes_one(system, f"{name}: the system's __call__", "the frames")


def check_takes_one(function: Callable[..., object], where: str, what: str) -> None:
    """Check that a function can be called with one argument.

    Args:
        function: any callable.
        where: what to call it in an error.
        what: the argument, in words.

    Raises:
        SystemLoadError: it takes none, or needs more.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin: found out when it is called
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise SystemLoadError(
            f"{where}{signature} has to take one argument, {what}: {error}"
        ) from error


def facts_of(system: System) -> dict[str, object]:
    """Return what a system says of itself: task, crop, sample_rate, has_batch, card."""
    card = getattr(system, "card", None) or {}
    return {
        "task": str(system.task),
        "crop": None if system.task == "recognition" else str(system.crop),
        "sample_rate": getattr(system, "sample_rate", None) if system.task == "v2s" else None,
        "has_batch": callable(getattr(system, "batch", None)),
        "card": {str(key): value for key, value in card.items() if _is_plain(value)},
    }


def describe_answer(answer: object) -> tuple[dict[str, object], bytes | memoryview]:
    """Return an answer as header and bytes; what is wrong with it, `check_answer` finds."""
    if type(answer) in (str, np.str_):  # another class could do its work only when it is read
        assert isinstance(answer, str)
        text = answer.encode(errors="replace")
        return {"type": "text", "bytes": len(text)}, text
    if type(answer) is np.ndarray and answer.dtype == np.float32:
        samples = np.ascontiguousarray(answer, "<f4")
        shape = list(answer.shape)
        content = samples.reshape(-1).view(np.uint8).data
        return {"type": "array", "shape": shape, "bytes": samples.nbytes}, content
    name = type(answer).__name__
    if type(answer) is np.ndarray:
        name = f"ndarray of {answer.dtype}"
    return {"type": "other", "name": name, "bytes": 0}, b""


def describe_exception(error: BaseException) -> dict[str, object]:
    """Return why a call failed: `reason`, and `detail` with the author's own last line that ran."""
    torch = sys.modules.get("torch")
    kinds: tuple[type[BaseException], ...] = (MemoryError,)
    if torch is not None and hasattr(torch, "OutOfMemoryError"):
        kinds = (MemoryError, torch.OutOfMemoryError)
    reason = "out-of-memory" if isinstance(error, kinds) else "crash"
    hint = f"; {SHARED_MEMORY}" if _lacks_shared_memory(error) else ""
    return {"reason": reason, "detail": f"{type(error).__name__}: {error}{_where(error)}{hint}"}


def _where(error: BaseException) -> str:
    """Return file and line of the author's last that ran, in brackets; empty where none did."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_of_library(frame.filename)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _is_of_library(file: str) -> bool:
    return file.startswith("<") or any(Path(file).is_relative_to(folder) for folder in _libraries())


@cache
def _libraries() -> tuple[Path, ...]:
    """Return where code lies that is not the author's: Python's library, packages, gridkit."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_path(kind) for kind in kinds] + site.getsitepackages()
    folders += [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return (*map(Path, folders), Path(__file__).parents[2])


def _lacks_shared_memory(error: BaseException) -> bool:
    if "shared memory object" in str(error):  # torch
        return True
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, PermissionError) and any(
        frame.filename.endswith(_SHARING_FILES) for frame in frames
    )


def _is_plain(value: object) -> bool:
    return type(value) in _CARD_TYPES or (
        isinstance(value, list) and all(type(part) in _CARD_TYPES for part in value)
    )

"""torch in a command that runs for seconds: a quick import, and threads that sleep while they wait.

Measured with torch 2.13: the import takes 0.65 s of CPU and not 1.05 s. Idle threads of OpenMP
otherwise spin, and where other processes want the cores that is most of what a small model costs.
Results stay the same to the bit.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

WAIT_POLICY = "OMP_WAIT_POLICY"
SHAPE_RULES = "torch._meta_registrations"
"""Registers how each operation changes shapes: for models that are compiled or exported."""


def start_torch(*, with_generators: bool = False) -> None:
    """Import torch for models that are only run; without effect where it is imported already.

    Args:
        with_generators: whether models may make a `torch.Generator`, which takes 0.1 s more.
    """
    if "torch" in sys.modules:
        return
    with _sleeping_threads(), _no_garbage_collection(), _left_out(SHAPE_RULES):
        import torch

        if with_generators:
            import torch._prims.rng_prims  # noqa: F401 (by the rules of shapes otherwise)


@contextmanager
def _sleeping_threads() -> Iterator[None]:
    """Let OpenMP, which reads its settings when it is loaded, wait without spinning."""
    if WAIT_POLICY in os.environ:
        yield
        return
    os.environ[WAIT_POLICY] = "passive"
    try:
        yield
    finally:
        del os.environ[WAIT_POLICY]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Do not look for garbage among the objects that modules make: they stay, now and later."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """Let an empty module stand for one; who imports it after the block gets the real one."""
    package, _, attribute = name.rpartition(".")
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
        vars(sys.modules.get(package, ModuleType(package))).pop(attribute, None)

"""torch in a command that runs for seconds: a quick import, and threads that sleep while they wait.

Measured with torch 2.13: the import takes 0.65 s of CPU and not 1.05 s. Idle threads of OpenMP
otherwise spin, and where other processes want the cores that is most of what a small model costs.
Long work lets them spin for a moment. Results stay the same to the bit.
"""

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

WAIT_POLICY = "OMP_WAIT_POLICY"
SHORT_SPIN = {"GOMP_SPINCOUNT": "3000"}
"""Threads of GNU's OpenMP, torch's on Linux, spin for a hundredth of the usual time, then sleep. A
training of two threads loses 3 % alone on its cores, and is 25 times quicker beside a busy one."""
SHAPE_RULES = "torch._meta_registrations"
"""Registers how each operation changes shapes: for models that are compiled or exported."""


def start_torch(*, with_generators: bool = False) -> None:
    """Import torch for models that are only run; without effect where it is imported already.

    Args:
        with_generators: whether models may make a `torch.Generator`, which takes 0.1 s more.
    """
    if "torch" in sys.modules:
        return
    with _waiting({WAIT_POLICY: "passive"}), _no_garbage_collection(), _left_out(SHAPE_RULES):
        import torch

        if with_generators:
            import torch._prims.rng_prims  # noqa: F401 (by the rules of shapes otherwise)


def start_torch_for_long() -> None:
    """Import torch for work that takes long; without effect where it is imported already."""
    with _waiting(SHORT_SPIN):
        import torch  # noqa: F401


def short_spin(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process for long work; how it waits may be given already."""
    return dict(given) if WAIT_POLICY in given else {**SHORT_SPIN, **given}


@contextmanager
def _waiting(variables: Mapping[str, str]) -> Iterator[None]:
    """Let OpenMP, which reads its settings when it is loaded, wait so; what is set stays."""
    if {WAIT_POLICY, *SHORT_SPIN} & os.environ.keys():
        yield
        return
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


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

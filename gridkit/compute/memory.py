"""How a process on a CPU holds the memory of its tensors.

A model makes and frees the same large tensors again and again. Left to itself, glibc hands them
back to the system at once, and the next ones wait for fresh zeroed pages: of a training step of
the paper's LipNet that is a third, of the GAN's sound for one clip a seventh.
"""

import ctypes
import sys

MOST_TO_TRIM, LEAST_MAPPED, MOST_MAPPED = -1, -3, -4
"""Parameters of glibc's mallopt(3): M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX."""
LARGEST_TENSOR = 32 << 20
"""Bytes; glibc takes no larger M_MMAP_THRESHOLD."""
MOST_KEPT = 128 << 20


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for its next tensors: for one that trains."""
    _set({MOST_MAPPED: 0, MOST_TO_TRIM: -1})


def keep_some_freed_memory() -> None:
    """Let this process keep up to `MOST_KEPT` bytes that it frees: for one that uses a model."""
    _set({LEAST_MAPPED: LARGEST_TENSOR, MOST_TO_TRIM: MOST_KEPT})


def _set(parameters: dict[int, int]) -> None:
    """Tell glibc's allocator; without glibc, do nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for parameter, value in parameters.items():
            mallopt(parameter, value)

"""How a training process on a CPU holds its memory.

A step makes and frees gigabytes of tensors, the same ones each time. Left to itself, glibc hands
large ones back to the system at once, and the next step waits for fresh zeroed pages: of a step
of the paper's LipNet that is a third.
"""

import ctypes
import sys

MOST_TO_TRIM, MOST_MAPPED = -1, -4
"""Parameters of glibc's mallopt(3): M_TRIM_THRESHOLD, M_MMAP_MAX."""


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for its next tensors; without glibc, do nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(MOST_MAPPED, 0)
        mallopt(MOST_TO_TRIM, -1)

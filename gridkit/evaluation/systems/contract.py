"""The contract of a system: what gridkit asks of a model, wherever it comes from.

Both sides of the sandbox import it: the process that a system runs in checks what was loaded,
gridkit checks what that process says of it.
"""

from typing import Literal, Protocol

import numpy as np

Kind = Literal[
    "control",
    "recipe",
    "python",
    "torch-export",
    "onnx",
    "predictions",
    "hub",
    "object",
    "transport",
]
"""The forms of a model (see `spec.py`). Two have no written form: `object` is a system of this very
process, `transport` answers at once, and so times the pipe."""
EXPORTED_KINDS: tuple[Kind, ...] = ("torch-export", "onnx")
RECIPE_KINDS: tuple[Kind, ...] = ("recipe", "hub")
RATES_HZ = (4_000, 192_000)
"""Lowest and highest sample rate of a system's sound."""


class System(Protocol):
    """Any video-to-speech or lipreading model, or speech recogniser, as gridkit asks it.

    Optional attributes: `batch(list_of_frames)`, answers for many clips at once, timed as
    throughput; `card`, a dict of plain values and lists of them that is written into the
    result (name, revision, decoding, ...).
    """

    task: str
    """`v2s`, `lipreading` or `recognition`."""
    crop: str
    """Crop profile of its frames; not for `recognition`."""
    sample_rate: int
    """Hz, of the sound it returns; for `v2s` only."""

    def __call__(self, frames: np.ndarray) -> np.ndarray | str:
        """Return the sound, or the text, of one clip.

        Args:
            frames: uint8, (T, H, W) where the crop is gray, else (T, H, W, 3) RGB; 25 fps. For
                `recognition` the reference audio, int16 (48000,), 16 kHz.

        Returns:
            float32 (N,) in [-1, 1], within 0.1 s of the clip's 3 s; or text.
        """
        ...

"""What evaluation passes from clip to clip: what is true of one, and what a system gave for it."""

from dataclasses import dataclass

import numpy as np

CONTRACT_FAILURES = ("type", "nan", "length", "channels")
"""An answer that is not what the task needs."""
FAILURES = ("crash", "hang", "out-of-memory", *CONTRACT_FAILURES)
"""Why a clip fails; besides, `metric:NAME` where a metric raises or is not finite."""


@dataclass(frozen=True)
class Reference:
    """What is true of one clip."""

    id: str
    text: str
    """The sentence."""
    samples: np.ndarray | None = None
    """int16 (48000,), 16 kHz; None where only text is scored."""


@dataclass(frozen=True)
class Prediction:
    """What a system gave for one clip: sound, text, or a failure."""

    id: str
    samples: np.ndarray | None = None
    """int16 (48000,), 16 kHz, for v2s."""
    text: str | None = None
    """As given, for lipreading and recognition."""
    failure: str | None = None
    """One of `FAILURES`; None where sound or text is there."""
    detail: str | None = None
    """One line for a person: what exactly went wrong."""
    stateful: bool = False
    """Asked twice, it answered differently."""
    asked: tuple[int, ...] = ()
    """Places of the questions about it in the order of the run that asked, the first is 1; two
    where it was asked twice, none where nothing was asked."""

"""Transcripts of sound: recognisers made once per process, no sound transcribed twice in a run."""

import hashlib
from collections.abc import Callable, Mapping

import numpy as np

from gridkit.errors import MetricError
from gridkit.metrics.recognise import Recogniser

Recognisers = Mapping[str, Callable[[], Recogniser]]
"""Name to what makes the recogniser."""
MOST_SOUNDS = 100_000
"""Sounds whose transcripts are remembered: about 25 MB."""

_made: dict[str, Recogniser] = {}
"""The recognisers of this process, by name."""


def transcribe(name: str, make: Callable[[], Recogniser], samples: np.ndarray) -> str:
    """Return what a recogniser makes of sound; of silence "", without calling it.

    Args:
        name: of the recogniser.
        make: makes it; called the first time in a process.
        samples: int16 (48000,), 16 kHz.

    Raises:
        MetricError: the recogniser raised an exception.
    """
    if not samples.any():
        return ""
    if name not in _made:
        _made[name] = make()
    try:
        return _made[name](samples)
    except Exception as error:
        raise MetricError(f"wer_{name}", f"{type(error).__name__}: {error}") from error


class Transcripts:
    """Transcripts by sound, as controls repeat the sound of references and of each other."""

    def __init__(self) -> None:
        self._texts: dict[bytes, Mapping[str, str]] = {}

    def find(self, samples: np.ndarray | None) -> Mapping[str, str]:
        """Return recogniser to transcript of a sound; empty where it is not known."""
        return {} if samples is None else self._texts.get(_digest(samples), {})

    def add(self, samples: np.ndarray, texts: Mapping[str, str]) -> None:
        """Remember the transcripts of a sound; the oldest ones are forgotten."""
        self._texts[_digest(samples)] = texts
        if len(self._texts) > MOST_SOUNDS:
            del self._texts[next(iter(self._texts))]


def _digest(samples: np.ndarray) -> bytes:
    return hashlib.blake2b(samples.tobytes(), digest_size=16).digest()

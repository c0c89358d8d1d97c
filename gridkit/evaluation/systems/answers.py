"""Check what a system gave for a clip: sound or text that can be scored, or why not.

An answer comes as a description and raw bytes from a process that nothing is taken on trust
from. Sound goes to 16 kHz, 48,000 samples, int16, as docs/protocol.md section 1 says.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import soxr

from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ
from gridkit.corpus.tasks import TEXT_TASKS
from gridkit.media.samples import fit_length, to_int16

TOLERANCE_SAMPLES = 1_600
"""How far from 48,000 samples an answer may be, at 16 kHz."""
MAX_TEXT_CHARACTERS = 1_000
MAX_ANSWER_BYTES = 16 << 20
"""Of one clip's answer; 3.1 s of stereo float64 at 192 kHz is 10 MB."""
MAX_DIMENSIONS = 8
"""Of an array that is described; one of more is not looked at."""
MAX_DETAIL_CHARACTERS = 300


@dataclass(frozen=True)
class Checked:
    """What became of one answer: samples, text, or a failure with its detail."""

    samples: np.ndarray | None = None
    """int16 (48000,), 16 kHz."""
    text: str | None = None
    failure: str | None = None
    """One of `FAILURES`."""
    detail: str | None = None

    def same_as(self, other: "Checked") -> bool:
        """Return whether a system gave the same answer twice.

        The detail of a failure is not an answer: it may hold an address or a time. Sums of floats
        in another order differ by 1e-6, which may round to another 16-bit step: one step is equal.
        """
        if (self.text, self.failure) != (other.text, other.failure):
            return False
        if self.samples is None or other.samples is None:
            return self.samples is other.samples
        return bool(np.abs(self.samples.astype(int) - other.samples).max(initial=0) <= 1)


def failed(failure: str, detail: str) -> Checked:
    """Return a failure, its detail fit to be printed."""
    return Checked(failure=failure, detail=one_line(detail))


def check_answer(
    header: Mapping[str, object], content: bytes | bytearray | memoryview, task: str, rate_hz: int
) -> Checked:
    """Return the answer that a process described.

    Args:
        header: `type` (array, text, other), for an array its `shape`.
        content: the answer's bytes: little-endian float32, or UTF-8.
        task: one of `TASKS`.
        rate_hz: of the sound.
    """
    kind, shape = header.get("type"), header.get("shape")
    if kind == "text" and task in TEXT_TASKS:
        return check_text(bytes(content).decode("utf-8", errors="replace"))
    if kind != "array" or task != "v2s":
        names = {"text": "str", "array": "ndarray of float32"}
        got = names.get(str(kind), str(header.get("name", "something unknown")))
        wanted = "a numpy array of float32" if task == "v2s" else "str"
        return failed("type", f"the system returned {got}; {task} needs {wanted}")
    if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
        return failed("crash", "the system's process sent an answer without a shape")
    if len(shape) > MAX_DIMENSIONS:
        return failed("type", f"an array of {len(shape)} dimensions; return shape (N,)")
    if len(content) % 4 or len(content) != 4 * int(np.prod(shape, dtype=object)):
        return failed("crash", "the system's process sent fewer or more bytes than its shape says")
    return check_sound(np.frombuffer(content, "<f4").reshape(shape), rate_hz)


def check_text(text: str) -> Checked:
    """Return text as an answer, kept as it is."""
    if len(text) > MAX_TEXT_CHARACTERS:
        return failed("length", f"{len(text)} characters; at most {MAX_TEXT_CHARACTERS}")
    return Checked(text=text)


def check_sound(samples: np.ndarray, rate_hz: int) -> Checked:
    """Return sound at 16 kHz, cut or padded to 48,000 samples, as an answer.

    Args:
        samples: float, in [-1, 1]; values outside it are clipped.
        rate_hz: of the samples.
    """
    if samples.ndim == 2:
        return failed("channels", f"shape {samples.shape}; return one channel, shape (N,)")
    if samples.ndim != 1:
        return failed("type", f"an array of {samples.ndim} dimensions; return shape (N,)")
    if not np.isfinite(samples).all():
        wrong = int((~np.isfinite(samples)).sum())
        return failed("nan", f"{wrong} of {len(samples)} samples are not finite")
    resampled_length = len(samples) * SAMPLE_RATE_HZ / rate_hz
    if abs(resampled_length - AUDIO_SAMPLES) > TOLERANCE_SAMPLES:
        return failed(
            "length",
            f"{len(samples)} samples at {rate_hz} Hz are {len(samples) / rate_hz:.3f} s; a clip is "
            f"3 s, plus or minus {TOLERANCE_SAMPLES / SAMPLE_RATE_HZ} s",
        )
    sound = samples.astype(np.float64)
    if rate_hz != SAMPLE_RATE_HZ:
        sound = soxr.resample(sound, rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return Checked(samples=to_int16(fit_length(sound, AUDIO_SAMPLES)))


def one_line(text: str) -> str:
    """Return text fit for a terminal and a table: printable, one line, not long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) > MAX_DETAIL_CHARACTERS:
        return line[: MAX_DETAIL_CHARACTERS - 3] + "..."
    return line

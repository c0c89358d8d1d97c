"""A system in a process of its own, asked from here: frames out, a checked answer back.

The process is given frames alone, through a pipe: no id, path, text or sound. It starts with
an empty working folder, a cleaned environment and no open files, and locks itself in where the
kernel can (`isolation`). After a crash, a hang or a bad answer it is ended; the next question
starts a new one.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from gridkit.compute.local import usable_cores
from gridkit.errors import (
    EnvironmentProblem,
    GridkitError,
    MissingExtraError,
    SystemLoadError,
    printable,
)
from gridkit.evaluation.sandbox.channel import Header
from gridkit.evaluation.sandbox.facts import SystemFacts, read_facts, settings_of
from gridkit.evaluation.sandbox.launch import LOG_TAIL_BYTES, NoAnswerError, Process
from gridkit.evaluation.sandbox.limits import Limits
from gridkit.evaluation.sandbox.policy import device_files, readable_paths
from gridkit.evaluation.systems.answers import Checked, check_answer, failed, one_line
from gridkit.evaluation.systems.call import SHARED_MEMORY
from gridkit.evaluation.systems.contract import RECIPE_KINDS
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.recipe.shelf import shipped_names

_ERRORS: dict[str, type[GridkitError]] = {
    "extra": MissingExtraError,
    "environment": EnvironmentProblem,
}
_HEALTHY = ("type", "length", "channels")
"""Failures of whole answers, of a process that works as it was written: it is not loaded again."""
_LOCKED = (
    "; a system may read only its own folder: put the file there, or a link to it "
    "and add --follow-links, or add --reads PATH (--no-isolation shows whether that is it)"
)
"""Said where a system was kept from a file."""
_CLOCKS_DIFFER = 0.01
"""Share by which a device's own clock may run ahead of ours."""


@dataclass(frozen=True)
class Answer:
    """What came of one question: a checked answer for each clip asked, and the times."""

    clips: tuple[Checked, ...]
    elapsed_s: float
    """By the process's own clock, around the call alone; never longer than the round trip."""
    round_trip_s: float
    """By the clock here."""
    device_ms: float | None = None
    peak_memory_bytes: int | None = None

    @property
    def checked(self) -> Checked:
        """Return the answer to a question of one clip."""
        return self.clips[0]


class Worker:
    """One system's process; a context manager that ends it.

    Args:
        spec: a system that is run (`spec.is_run`), downloaded.
        device: `cpu`, `cuda` or `cuda:N`.
        limits: None: those of the protocol.
        profiles: crop profiles of the corpus; None: any will do.
        hidden: corpora, sources and results, which the process must not reach.
        readable: what else it may read.
        variables: what else its environment has.
        follow_links: whether it may read what links in its own folder lead to.
        isolate: False leaves it unlocked; the facts then say `none`.
        threads: of numerical libraries in it; None: one per usable core.
        before_start: called before each process is started; what it raises ends the run.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        device: str = "cpu",
        limits: Limits | None = None,
        profiles: Collection[str] | None = None,
        hidden: Iterable[Path] = (),
        readable: Iterable[Path] = (),
        variables: Mapping[str, str] | None = None,
        follow_links: bool = False,
        isolate: bool = True,
        threads: int | None = None,
        before_start: Callable[[], None] | None = None,
    ):
        self.spec, self.device = spec, device
        self.limits = limits or Limits.for_device(device)
        self.starts = 0
        self._profiles, self._isolate = profiles, isolate
        self._hidden, self._readable = tuple(hidden), tuple(readable)
        # what the Hub's client downloads are links into its cache
        self._follow_links = follow_links or spec.kind == "hub"
        self._threads = threads or usable_cores()
        self._before_start, self._variables = before_start, variables
        self._facts: SystemFacts | None = None
        self._hardware: Mapping[str, object] = {}
        self._process: Process | None = None
        self._asked = False
        self._log = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> SystemFacts:
        """Start the process and load the system, where that is not done.

        Raises:
            SystemLoadError: the system cannot be loaded or breaks the contract.
            MissingExtraError: what it is loaded with is not installed.
            EnvironmentProblem: no such device.
        """
        if self._process is None:
            if self._before_start is not None:
                self._before_start()
            self._process = Process(self._setup(), threads=self._threads, variables=self._variables)
            self.starts += 1
            self._asked = False
            try:
                self._facts = self._load(self._process)
            except BaseException:
                self.stop()
                raise
        assert self._facts is not None
        return self._facts

    def ask(self, frames: np.ndarray) -> Answer:
        """Return the system's answer for the frames of one clip; a failure is an answer too.

        Args:
            frames: uint8, (T, H, W) or (T, H, W, 3); for a recogniser the sound, int16 (N,).

        Raises:
            SystemLoadError: the system had to be loaded again, and cannot be.
        """
        return self._ask("clip", [frames])

    def ask_batch(self, clips: Sequence[np.ndarray]) -> Answer:
        """Return the answers of the system's `batch` for several clips; as `ask` else."""
        return self._ask("batch", clips)

    def environment(self) -> dict[str, object]:
        """Return the device, and what torch is set to now in the process that runs.

        `threads` are those of torch, else those that the process was given.
        """
        own: dict[str, object] = {"threads": self._threads}
        if self._process is None:
            return own
        own |= self._hardware
        try:
            self._process.ask({"ask": "settings"}, [], self.limits.clip_s)
            header, _ = self._process.answer(self.limits.clip_s, clips=0)
        except NoAnswerError:
            self.stop()
            return own
        return own | settings_of(header.get("settings"))

    def log(self) -> str:
        """Return the end of what the system printed in the processes that have ended.

        It can be shown: escape sequences and the like are not in it any more.
        """
        return printable(self._log.decode(errors="replace"))

    def stop(self) -> None:
        """End the process and all it started."""
        if self._process is not None:
            self._log = (self._log + self._process.end())[-LOG_TAIL_BYTES:]
            self._process = None

    def _ask(self, what: str, clips: Sequence[np.ndarray]) -> Answer:
        facts = self.start()
        assert self._process is not None
        limit_s = self.limits.clip_s * len(clips)
        if not self._asked:
            limit_s = max(limit_s, self.limits.first_call_s)
        self._asked = True
        payload = [np.ascontiguousarray(clip) for clip in clips]
        question: Header = {
            "ask": what,
            "shapes": [clip.shape for clip in payload],
            "dtype": payload[0].dtype.str,
        }
        start_s = time.perf_counter()
        try:
            self._process.ask(question, payload, limit_s)
            header, content = self._process.answer(limit_s, clips=len(clips))
            round_trip_s = time.perf_counter() - start_s
            memory_bytes = self._hardware.get("device_memory_bytes", 0)
            assert isinstance(memory_bytes, int)
            answer = _read_answer(header, content, facts, len(clips), round_trip_s, memory_bytes)
        except NoAnswerError as error:
            # what else it wrote would be read as the next answer
            self.stop()
            answer = Answer((error.checked,) * len(clips), 0.0, time.perf_counter() - start_s)
        if any(clip.failure and clip.failure not in _HEALTHY for clip in answer.clips):
            self.stop()
        return answer

    def _setup(self) -> Header:
        return {
            "kind": self.spec.kind,
            "path": str(self.spec.path or ""),
            "factory": self.spec.name,
            "decoding": self.spec.decoding,
            "device": self.device,
            "isolate": self._isolate,
            # a stranger's code is not loaded where the kernel cannot lock it in
            "needs_lock": self.spec.is_on_hub and self.spec.kind == "python",
            "read": self._read,
            "devices": device_files(self.device),
        }

    @cached_property
    def _read(self) -> list[str]:
        return readable_paths(
            self.spec.own_folder,
            device=self.device,
            hidden=self._hidden,
            extra=self._readable,
            follow_links=self._follow_links,
        )

    def _load(self, process: Process) -> SystemFacts:
        name = self.spec.text
        start_s = time.monotonic()
        ready = self._said_at_start(process, self.limits.load_s)
        left_s = self.limits.load_s - (time.monotonic() - start_s)
        header = self._said_at_start(process, left_s)
        hardware = ready.get("hardware")
        self._hardware = hardware if isinstance(hardware, dict) else {}
        taken = () if self.spec.kind in RECIPE_KINDS else shipped_names()
        facts = read_facts(header, name, str(ready.get("isolation")), taken)
        crop, profiles = facts.crop, self._profiles
        if crop is not None and profiles is not None and crop not in profiles:
            raise SystemLoadError(
                f"{name} needs crop {one_line(crop)!r}; this corpus has "
                f"{', '.join(sorted(profiles))} (add it: gridkit prepare ... --crop PROFILE)"
            )
        if self._facts is not None and facts != self._facts:
            raise SystemLoadError(f"{name}: when loaded again, it describes itself differently")
        return facts

    def _said_at_start(self, process: Process, limit_s: float) -> Header:
        """Return what the process says next: that it is ready, or what it has loaded."""
        name = self.spec.text
        try:
            header, _ = process.answer(limit_s)
        except NoAnswerError as error:
            raise SystemLoadError(
                f"{name} failed while it was loaded: {error.checked.failure}: {error}"
            ) from error
        if header.get("kind") == "load-error":
            detail, kind = one_line(str(header.get("detail"))), str(header.get("class"))
            if kind == "crash":
                is_locked = "Permission denied" in detail and SHARED_MEMORY not in detail
                why = _LOCKED if self._isolate and is_locked else ""
                raise SystemLoadError(f"{name} failed while it was loaded: {detail}{why}")
            raise _ERRORS.get(kind, SystemLoadError)(detail)
        return header


def _read_answer(
    header: Header,
    content: bytearray,
    facts: SystemFacts,
    clips: int,
    round_trip_s: float,
    memory_bytes: float,
) -> Answer:
    """Return what a process answered; whatever does not add up is a failure of its system."""
    if header.get("kind") == "failure":
        reason = "out-of-memory" if header.get("reason") == "out-of-memory" else "crash"
        raise NoAnswerError(failed(reason, str(header.get("detail"))))
    described, elapsed_ns = header.get("answers"), header.get("elapsed_ns")
    if not isinstance(described, list):
        raise NoAnswerError(failed("crash", "the system's process sent something else"))
    if len(described) != clips:
        raise NoAnswerError(failed("type", f"{len(described)} answers for {clips} clips"))
    checked, start = [], 0
    for one in described:
        size = one.get("bytes") if isinstance(one, dict) else None
        if type(size) is not int or not 0 <= size <= len(content) - start:
            raise NoAnswerError(failed("crash", "the system's process sent something else"))
        part = memoryview(content)[start : start + size]
        checked.append(check_answer(one, part, facts.task, facts.sample_rate or 0))
        start += size
    elapsed_s = _within(elapsed_ns, round_trip_s * 1e9, "the call's nanoseconds") / 1e9
    if not elapsed_s:
        raise NoAnswerError(failed("crash", "the system's process says that the call took no time"))
    device_ms, peak_bytes = header.get("device_ms"), header.get("peak_memory_bytes")
    most_ms = round_trip_s * 1e3 * (1 + _CLOCKS_DIFFER)
    return Answer(
        tuple(checked),
        elapsed_s,
        round_trip_s,
        None if device_ms is None else _within(device_ms, most_ms, "the device's milliseconds"),
        None
        if peak_bytes is None
        else int(_within(peak_bytes, memory_bytes, "the peak of memory")),
    )


def _within(value: object, most: float, what: str) -> float:
    """Return a figure of a process as a number, where it can be true."""
    if type(value) not in (int, float) or not 0 <= value <= most:  # type: ignore[operator]
        said = one_line(repr(value))[:40]
        raise NoAnswerError(
            failed("crash", f"the system's process gives {what} as {said}; that cannot be")
        )
    return float(value)  # type: ignore[arg-type]

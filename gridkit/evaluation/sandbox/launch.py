"""Start, ask and end the process that a system runs in; why it gave no answer.

The process leads a session of its own, so that Ctrl-C does not reach it and that all it started
ends with it. What it prints goes to a file without a name.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil

from gridkit.evaluation.sandbox.channel import (
    Channel,
    ChannelClosedError,
    ChannelTimeoutError,
    Header,
    MessageError,
)
from gridkit.evaluation.sandbox.policy import clean_environment
from gridkit.evaluation.systems.answers import MAX_ANSWER_BYTES, Checked, failed

LOG_TAIL_BYTES = 64 << 10

_COUNTERS = Path("/proc/vmstat")
_GRACE_S = 2.0


class NoAnswerError(Exception):
    """A question without an answer; `checked` says why."""

    def __init__(self, checked: Checked):
        super().__init__(checked.detail)
        self.checked = checked


class Process:
    """One run of `gridkit.evaluation.sandbox.guest.main`.

    Args:
        setup: its first message: what to load, and what it may reach.
        threads: of numerical libraries in it.
        variables: of its environment, besides those that each system has.
    """

    def __init__(self, setup: Header, *, threads: int, variables: Mapping[str, str] | None = None):
        self._folder = tempfile.TemporaryDirectory(prefix="gridkit-", ignore_cleanup_errors=True)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        self._killed_for_memory = _killed_for_memory()
        folder = Path(self._folder.name).resolve()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "gridkit.evaluation.sandbox.guest.main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            cwd=folder,
            env=clean_environment(os.environ, folder, threads=threads, given=variables),
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        with contextlib.suppress(ChannelClosedError):  # said by the first answer that lacks
            self._channel.send(setup)

    def ask(self, header: Header, payload: Sequence[np.ndarray], limit_s: float) -> None:
        """Send a question.

        Raises:
            NoAnswerError: it was not taken in time, or the process is gone.
        """
        try:
            self._channel.send(
                header, [part.data for part in payload], limit_s=limit_s, alive=self._alive
            )
        except ChannelClosedError as error:
            raise NoAnswerError(self._end_explained()) from error
        except ChannelTimeoutError as error:
            raise NoAnswerError(failed("hang", f"frames not taken in {limit_s:g} s")) from error

    def answer(self, limit_s: float, *, clips: int = 1) -> tuple[Header, bytearray]:
        """Wait for the answer about a number of clips.

        Raises:
            NoAnswerError: none came in time, or none that can be read, or the process is gone.
        """
        try:
            return self._channel.receive(
                max_payload_bytes=MAX_ANSWER_BYTES * clips, limit_s=limit_s, alive=self._alive
            )
        except ChannelClosedError as error:
            raise NoAnswerError(self._end_explained()) from error
        except ChannelTimeoutError as error:
            raise NoAnswerError(failed("hang", f"no answer in {limit_s:g} s")) from error
        except MessageError as error:
            raise NoAnswerError(failed("length", str(error))) from error

    def end(self) -> bytes:
        """End the process and all it started; return the end of what it printed."""
        # unlocked, some may have left its process group
        started = _descendants(self._process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for process in started:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        tail = self._printed()
        self._log.close()
        self._folder.cleanup()
        return tail

    def _alive(self) -> bool:
        return self._process.poll() is None

    def _end_explained(self) -> Checked:
        """Return why a process that is gone has gone."""
        try:
            status = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            return failed("crash", "the system closed its pipe")
        if status == -signal.SIGKILL and _killed_for_memory() > self._killed_for_memory:
            return failed("out-of-memory", "the kernel ended the process: memory ran out")
        if status < 0:
            return failed("crash", f"killed by {signal.Signals(-status).name}{self._last_words()}")
        return failed("crash", f"exited with status {status}{self._last_words()}")

    def _last_words(self) -> str:
        lines = self._printed().decode(errors="replace").split("\n")
        # what Python lists after a fatal error does not explain it
        lines_of_error = [
            line.strip() for line in lines if not line.startswith("Extension modules:")
        ]
        last = next((line for line in reversed(lines_of_error) if line), "")
        return f"; last printed: {last}" if last else ""

    def _printed(self) -> bytes:
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), LOG_TAIL_BYTES, max(0, size - LOG_TAIL_BYTES))


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _killed_for_memory() -> int:
    """Return how many processes the kernel has killed because memory ran out."""
    with contextlib.suppress(OSError, ValueError):
        counters = dict(line.split() for line in _COUNTERS.read_text().splitlines())
        return int(counters.get("oom_kill", 0))
    return 0

"""Messages between gridkit and a system's process, over a pair of pipes.

A message is two little-endian lengths (header: 4 bytes, payload: 8 bytes), a JSON object, and
raw bytes. Nothing is ever unpickled, and a reader says beforehand how much it will take: what
comes from a system's process is hostile until checked. Standard library alone, because the
system's process uses it before it is locked in.
"""

import contextlib
import fcntl
import json
import os
import select
import struct
import time
from collections.abc import Callable, Mapping, Sequence

MAX_HEADER_BYTES = 1 << 20
PIPE_BYTES = 1 << 20
"""What a pipe holds where the system allows: the frames of a clip go through in one piece."""

_LENGTHS = struct.Struct("<IQ")
_POLL_S = 0.1

Header = dict[str, object]
Buffer = bytes | bytearray | memoryview


class ChannelClosedError(Exception):
    """The other end is gone."""


class ChannelTimeoutError(Exception):
    """The other end did not answer, or did not read, in time."""


class MessageError(Exception):
    """What came is not a message, or larger than allowed."""


class Channel:
    """One end of the pair of pipes; not for several threads."""

    def __init__(self, read_fd: int, write_fd: int):
        self._read_fd, self._write_fd = read_fd, write_fd
        for fd in (read_fd, write_fd):
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                with contextlib.suppress(OSError):  # a smaller pipe is only slower
                    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            os.set_blocking(fd, False)

    def send(
        self,
        header: Mapping[str, object],
        payload: Sequence[Buffer] = (),
        *,
        limit_s: float | None = None,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        """Send one message.

        Args:
            header: what JSON can hold.
            payload: contiguous buffers, sent one after another.
            limit_s: give up after this long; None: never.
            alive: asked while waiting; False means that the other end is gone.

        Raises:
            ChannelClosedError: the other end is gone.
            ChannelTimeoutError: it did not read in time.
        """
        deadline_s = _deadline(limit_s)
        text = json.dumps(header).encode()
        parts = [memoryview(part).cast("B") for part in payload if len(part)]
        lengths = _LENGTHS.pack(len(text), sum(len(part) for part in parts))
        for part in (memoryview(lengths + text), *parts):
            rest = part
            while rest:
                try:
                    rest = rest[os.write(self._write_fd, rest) :]
                except BlockingIOError:
                    self._wait([], [self._write_fd], deadline_s, alive)
                except BrokenPipeError as error:
                    raise ChannelClosedError from error

    def receive(
        self,
        *,
        max_payload_bytes: int,
        limit_s: float | None = None,
        alive: Callable[[], bool] = lambda: True,
    ) -> tuple[Header, bytearray]:
        """Wait for one message; arguments and errors as `send`.

        Raises:
            MessageError: it is not a message, or has more than `max_payload_bytes`.
        """
        deadline_s = _deadline(limit_s)
        lengths = self._read(_LENGTHS.size, deadline_s, alive)
        header_bytes, payload_bytes = _LENGTHS.unpack(lengths)
        if header_bytes > MAX_HEADER_BYTES or payload_bytes > max_payload_bytes:
            raise MessageError(f"a message of {header_bytes} + {payload_bytes} bytes is too large")
        try:
            header = json.loads(self._read(header_bytes, deadline_s, alive))
        except (ValueError, RecursionError) as error:
            raise MessageError("a message without a JSON header") from error
        if not isinstance(header, dict):
            raise MessageError("a message whose header is not a JSON object")
        return header, self._read(payload_bytes, deadline_s, alive)

    def _read(self, length: int, deadline_s: float | None, alive: Callable[[], bool]) -> bytearray:
        content = bytearray(length)
        view, done = memoryview(content), 0
        while done < length:
            try:
                count = os.readv(self._read_fd, [view[done:]])
            except BlockingIOError:
                self._wait([self._read_fd], [], deadline_s, alive)
                continue
            if not count:
                raise ChannelClosedError
            done += count
        return content

    def _wait(
        self,
        read: list[int],
        write: list[int],
        deadline_s: float | None,
        alive: Callable[[], bool],
    ) -> None:
        while True:
            # asked before looking: a last message of a process that has just ended is still read
            gone = not alive()
            if any(select.select(read, write, [], 0 if gone else _POLL_S)):
                return
            if gone:
                raise ChannelClosedError
            if deadline_s is not None and time.monotonic() >= deadline_s:
                raise ChannelTimeoutError


def _deadline(limit_s: float | None) -> float | None:
    return None if limit_s is None else time.monotonic() + limit_s

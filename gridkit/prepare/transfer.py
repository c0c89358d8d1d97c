"""Fetch files over HTTP with patience: resume after a cut, wait if the server asks, trust nothing.

A transfer is tried again as long as it gains bytes; what the server says of the rest (status,
`Content-Range`, `ETag`, length) is checked before a byte is written, and size and md5 after the
last. See `partial.py` for what is on disk meanwhile.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from gridkit import __version__
from gridkit.compute.transfer_progress import NoProgress, TransferProgress
from gridkit.errors import NO_SPACE, ChecksumError, DiskFullError, EnvironmentProblem, NetworkError
from gridkit.prepare.partial import (
    Partial,
    RemoteFile,
    hash_file,
    is_checked,
    recorded_md5,
    remember_check,
)
from gridkit.prepare.response import TryAgainError, check_status, content_length, continues

ATTEMPTS_UNANSWERED = 5
"""Attempts while no server has answered yet: no network, or a wrong address."""
CONNECT_S = 10.0
"""How long a connection may take to open."""

_PASSING_ERRORS = (
    httpx2.TimeoutException,
    httpx2.NetworkError,
    httpx2.RemoteProtocolError,
    httpx2.ProxyError,
)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often."""

    attempts: int = 8
    """Attempts in a row without a new byte before giving up."""
    first_wait_s: float = 1.0
    """Wait after the first of them; it doubles with each further one."""
    longest_wait_s: float = 60.0
    longest_retry_after_s: float = 600.0
    """A server that asks for more than this ends the run."""
    stall_s: float = 30.0
    """Silence on an open connection that counts as a cut."""
    sleep: Callable[[float], object] | None = None
    """Replaces waiting, in tests."""

    def wait_s(self, failures: int) -> float:
        """Return the back-off after so many failures in a row, with jitter."""
        longest = min(self.longest_wait_s, self.first_wait_s * 2.0 ** max(failures - 1, 0))
        return longest * random.uniform(0.5, 1.0)


PATIENCE = Patience()


class Stopped(Exception):
    """The run has to stop; what has arrived is kept."""


class Fetcher:
    """An HTTP client with patience, as a context manager; threads may share it."""

    def __init__(
        self,
        patience: Patience = PATIENCE,
        progress: TransferProgress | None = None,
        stop: threading.Event | None = None,
    ):
        self._patience = patience
        self._progress = progress or NoProgress()
        self._stop = stop or threading.Event()
        self._answered = threading.Event()
        self._client = httpx2.Client(
            follow_redirects=True,
            timeout=httpx2.Timeout(patience.stall_s, connect=CONNECT_S),
            event_hooks={"response": [lambda _response: self._answered.set()]},
            # Ranges and checksums are those of the file itself, so nothing may compress it.
            headers={"User-Agent": f"gridkit/{__version__}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._client.close()

    def json(self, url: str) -> Any:
        """Return the JSON at a URL.

        Raises:
            NetworkError: it does not answer, or not with JSON.
        """

        def attempt() -> Any:
            response = self._client.get(url)
            check_status(response)
            try:
                return response.json()
            except ValueError as error:
                raise NetworkError(f"{url} does not answer with JSON") from error

        return self._patiently(url, attempt)

    def size_bytes(self, url: str) -> int | None:
        """Return how long a file is by its headers; None where the server does not say.

        Raises:
            NetworkError: the server does not answer, or does not have the file.
        """

        def attempt() -> int | None:
            response = self._client.head(url)
            if response.status_code in (405, 501):
                return None
            check_status(response)
            return content_length(response)

        return self._patiently(url, attempt)

    def fetch(self, file: RemoteFile, folder: Path) -> tuple[Path, int]:
        """Make a whole and checked file in a folder, from as few bytes as possible.

        Returns:
            Its path and the number of bytes fetched now: 0 where it was there already.

        Raises:
            NetworkError: the server cannot be reached, or sends what it should not.
            ChecksumError: what it sends has the wrong md5, twice.
            DiskFullError: no space is left; what has arrived is kept.
            EnvironmentProblem: the folder cannot be written to.
        """
        path = folder / file.name
        try:
            if is_complete(path, file):
                size_bytes = path.stat().st_size
                self._progress.on_start(file.name, size_bytes, size_bytes)
                fetched_bytes = 0
            else:
                fetched_bytes = self._fetch_missing(file, Partial(folder, file))
        except OSError as error:
            raise _disk_problem(error, path) from error
        self._progress.on_done(file.name)
        return path, fetched_bytes

    def _fetch_missing(self, file: RemoteFile, partial: Partial) -> int:
        wrong_sums: list[str] = []

        def attempt() -> None:
            self._progress.on_start(file.name, partial.total_bytes, partial.have_bytes)
            if not partial.whole:
                self._receive(file, partial)
            if file.md5 not in (None, partial.md5):
                wrong_sums.append(partial.md5)
                partial.drop()
                partial.farthest_bytes = 0
                if len(wrong_sums) == 2:
                    raise ChecksumError(
                        f"{file.url}: expected md5 {file.md5}, got {' and '.join(wrong_sums)}; "
                        "both copies were thrown away; try later, or from another network"
                    )
                raise TryAgainError(f"has md5 {wrong_sums[0]}, expected {file.md5}")
            partial.publish()

        self._patiently(file.url, attempt, lambda: partial.farthest_bytes)
        return partial.received_bytes

    def _receive(self, file: RemoteFile, partial: Partial) -> None:
        """Append what the server sends of the rest."""
        headers = {}
        if partial.resumable:
            headers["Range"] = f"bytes={partial.have_bytes}-"
            if partial.validator:
                headers["If-Range"] = partial.validator
        with self._client.stream("GET", file.url, headers=headers) as response:
            if not continues(response, file, partial):
                self._progress.on_start(file.name, partial.total_bytes, 0)
            total = partial.total_bytes
            with partial.path.open("ab") as out:
                for chunk in response.iter_raw():
                    if self._stop.is_set():
                        raise Stopped
                    if total is not None and partial.have_bytes + len(chunk) > total:
                        partial.drop()
                        raise TryAgainError(f"sends more than the {total} bytes it should")
                    partial.append(out, chunk)
                    self._progress.on_bytes(file.name, len(chunk))
        if total is not None and partial.have_bytes < total:
            raise TryAgainError(f"ends after {partial.have_bytes} of {total} bytes")

    def _patiently(
        self,
        url: str,
        attempt: Callable[[], _Answer],
        farthest_bytes: Callable[[], int] = lambda: 0,
    ) -> _Answer:
        """Repeat an attempt until it succeeds, or fails too often without getting farther."""
        failures = 0
        while True:
            if self._stop.is_set():
                raise Stopped
            before = farthest_bytes()
            retry_after_s = 0.0
            try:
                return attempt()
            except TryAgainError as error:
                reason, retry_after_s = str(error), error.retry_after_s
            except _PASSING_ERRORS as error:
                reason = f"{type(error).__name__} {error}".strip()
            except (httpx2.RequestError, httpx2.InvalidURL) as error:
                raise NetworkError(f"{url}: {error}; check the address") from error
            failures = 0 if farthest_bytes() > before else failures + 1
            self._check_patience(url, reason, failures)
            if retry_after_s > self._patience.longest_retry_after_s:
                raise NetworkError(
                    f"{url}: the server asks to wait {retry_after_s:.0f} s; "
                    "what has arrived is kept, run it again then"
                )
            wait_s = max(self._patience.wait_s(failures), retry_after_s)
            self._progress.on_wait(url, reason, wait_s)
            sleep = self._patience.sleep or self._stop.wait
            sleep(wait_s)

    def _check_patience(self, url: str, reason: str, failures: int) -> None:
        if self._answered.is_set():
            attempts = self._patience.attempts
            hint = " without a new byte; what has arrived is kept, run it again to resume"
        else:
            attempts = min(self._patience.attempts, ATTEMPTS_UNANSWERED)
            hint = ", none of them answered; check the network and the address"
        if failures >= attempts:
            raise NetworkError(f"{url}: {reason}; gave up after {failures} attempts{hint}")


def is_complete(path: Path, file: RemoteFile) -> bool:
    """Whether a whole and right file is there; it is hashed where it was touched since."""
    if not path.is_file() or file.size_bytes not in (None, path.stat().st_size):
        return False
    expected_md5 = file.md5 or recorded_md5(path, file.url)
    if expected_md5 is None:
        # Without a checksum only its size can be compared.
        return file.size_bytes is not None
    if is_checked(path, file.url):
        return recorded_md5(path, file.url) == expected_md5
    if hash_file(path).hexdigest() != expected_md5:
        return False
    remember_check(path, file.url, expected_md5)
    return True


def _disk_problem(error: OSError, path: Path) -> EnvironmentProblem:
    if error.errno in NO_SPACE:
        return DiskFullError(
            f"no space left while writing {path}; what has arrived is kept: free some space "
            "and run it again to resume"
        )
    return EnvironmentProblem(f"cannot write {path}: {error.strerror or error}; check the folder")

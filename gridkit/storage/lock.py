"""One run per place on an object store: a lock that a conditional PUT takes.

The lock is an object that says who holds it, and since when. It is made where there is none
(If-None-Match), and changed by whoever knows its present state (If-Match): of several, one wins.
Nothing deletes it. The holder writes it again every few seconds. Whoever finds it held watches for
some time by their own clock: where it does not change, its holder is dead or frozen, and they take
it over. So no clock of another machine counts.

A holder that was frozen finds the lock changed, and writes no more (`check`).
"""

import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gridkit.errors import GridkitError, LockedError
from gridkit.storage.objects import ObjectFolder
from gridkit.storage.problems import ObjectChangedError, ObjectExistsError

LOCK_NAME = ".gridkit-lock"
RENEW_S = 15.0
"""How often the holder says that it lives."""
PATIENCE_S = 60.0
"""How long a lock has to stay unchanged until its holder counts as dead."""


@dataclass
class ObjectLock:
    """A lock that this process holds."""

    folder: ObjectFolder
    name: str
    state: dict[str, Any]
    etag: str
    lost: str = ""
    """Who has taken it over."""
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def renew(self) -> None:
        """Say that the holder lives."""
        with self._one_at_a_time:
            self._renew()

    def _renew(self) -> None:
        self.state["renewed"] += 1
        try:
            self.etag = self.folder.replace(self.name, _bytes(self.state), self.etag)
        except ObjectChangedError:
            there, etag = _read(self.folder, self.name)
            if there == self.state:  # it arrived, its answer did not
                self.etag = etag
            else:
                self.lost = _holder(there) or "another run"

    def check(self) -> None:
        """Renew the lock, before something is written that only its holder may write.

        Raises:
            LockedError: another run has taken it over, as this one did not renew it in time.
            StorageError: it cannot be renewed.
        """
        self.renew()
        if self.lost:
            raise LockedError(
                f"{self.folder.address}: {self.lost} has taken over, as this run gave no sign of "
                "life; what is finished is kept"
            )


@contextmanager
def object_lock(
    folder: ObjectFolder,
    name: str = LOCK_NAME,
    *,
    renew_s: float = RENEW_S,
    patience_s: float = PATIENCE_S,
) -> Iterator[ObjectLock]:
    """Hold a lock in a place on an object store.

    Args:
        folder: where.
        name: of the lock.
        renew_s: how often the holder renews it.
        patience_s: how long another one's lock has to stay unchanged until it is taken over;
            several times `renew_s`.

    Raises:
        LockedError: another run holds it; the message says which, and since when.
        StorageError: the store cannot be reached or refuses.
    """
    lock = _take(folder, name, patience_s)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, done, renew_s), daemon=True)
    renewal.start()
    try:
        yield lock
    finally:
        done.set()
        renewal.join()
        _release(lock)


def _take(folder: ObjectFolder, name: str, patience_s: float) -> ObjectLock:
    state = {
        "holder": f"{socket.gethostname()}, process {os.getpid()}",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": uuid.uuid4().hex,
        "renewed": 0,
    }
    try:
        return ObjectLock(folder, name, state, folder.create(name, _bytes(state)))
    except ObjectExistsError:
        pass
    there, etag = _read(folder, name)
    if there == state:  # it arrived, its answer did not
        return ObjectLock(folder, name, state, etag)
    if there.get("holder"):
        print(
            f"{folder.address} is locked by {_holder(there)}; watching for {patience_s:.0f} s "
            "whether that run lives",
            file=sys.stderr,
            flush=True,
        )
        _watch(folder, name, there, etag, patience_s)
    try:
        return ObjectLock(folder, name, state, folder.replace(name, _bytes(state), etag))
    except ObjectChangedError:
        there, etag = _read(folder, name)
        if there == state:
            return ObjectLock(folder, name, state, etag)
        raise _locked(folder, there) from None


def _watch(
    folder: ObjectFolder, name: str, there: dict[str, Any], etag: str, patience_s: float
) -> None:
    """Return when a lock has stayed unchanged for some time.

    Raises:
        LockedError: it changes.
    """
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        time.sleep(min(1.0, patience_s / 10))
        entry = folder.find(name)
        if entry is None or entry.etag != etag:
            raise _locked(folder, there)


def _locked(folder: ObjectFolder, state: dict[str, Any]) -> LockedError:
    return LockedError(
        f"another gridkit run ({_holder(state) or 'just ended'}) works in {folder.address}; wait "
        "for it, or use another prefix"
    )


def _renew(lock: ObjectLock, done: threading.Event, renew_s: float) -> None:
    while not done.wait(renew_s) and not lock.lost:
        try:
            lock.renew()
        except GridkitError:
            continue  # out of reach for a moment: the next one may arrive in time


def _release(lock: ObjectLock) -> None:
    """Say that nobody holds the lock; where this does not arrive, it is found unchanged later."""
    try:
        lock.folder.replace(lock.name, _bytes({"holder": None}), lock.etag)
    except (GridkitError, ObjectChangedError):
        return


def _read(folder: ObjectFolder, name: str) -> tuple[dict[str, Any], str]:
    """Return what a lock says; nothing where it is gone or damaged."""
    try:
        content, etag = folder.read_with_etag(name)
        state = json.loads(content)
    except FileNotFoundError:
        return {}, ""
    except ValueError:
        return {}, etag
    return (state if isinstance(state, dict) else {}), etag


def _bytes(state: dict[str, Any]) -> bytes:
    return f"{json.dumps(state)}\n".encode()


def _holder(state: dict[str, Any]) -> str:
    return f"{state['holder']}, since {state.get('since')}" if state.get("holder") else ""

"""Download GRID's archives from Zenodo or Sheffield: the chosen speakers, and no byte twice.

Zenodo's API gives every size and md5. Where an md5 has been known for years (`corpus/archives`)
the API must say the same. Sheffield publishes no checksums: sizes come from its headers, and
damage shows when an archive is read (zip members carry their own CRC).
"""

import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gridkit.compute.lock import folder_lock
from gridkit.compute.transfer_progress import TransferProgress
from gridkit.corpus.archives import BASE_URLS, ZENODO_API_PATH, Archive, archives_for
from gridkit.errors import ChecksumError, DiskFullError, NetworkError
from gridkit.prepare.partial import RemoteFile, is_checked, partial_bytes
from gridkit.prepare.transfer import PATIENCE, Fetcher, Patience

DISK_MARGIN_BYTES = 100_000_000
"""Left free on the disk, so that a full download does not fill it."""


@dataclass(frozen=True)
class DownloadedArchive:
    """One archive that is now whole and checked."""

    name: str
    path: Path
    speaker: str | None
    size_bytes: int
    fetched_bytes: int
    """How much was fetched now; 0 where it was there already."""


def download(
    folder: Path,
    *,
    source: str = "zenodo",
    speakers: Iterable[str] | None = None,
    base_url: str | None = None,
    workers: int = 4,
    progress: TransferProgress | None = None,
    patience: Patience = PATIENCE,
) -> tuple[DownloadedArchive, ...]:
    """Fetch the archives of GRID speakers, with their alignments, into a folder.

    After any interruption, a second run resumes. An archive that fails does not stop the others;
    a full disk stops all.

    Args:
        folder: where the archives go; made where it is missing.
        source: `zenodo` or `sheffield`.
        speakers: such as `["s1", "s2"]`; None for all 33 that have video.
        base_url: a mirror that serves the publisher's paths; None for the publisher.
        workers: how many archives are fetched at the same time.
        progress: called for every file and byte, from several threads.
        patience: how often and how long to try again.

    Returns:
        One record per archive, in the publisher's order.

    Raises:
        UsageError: a source or a speaker that GRID does not have.
        NetworkError: a server that cannot be reached, or sends what it should not.
        ChecksumError: an archive that does not have the md5 it must have.
        DiskFullError: too little space, reported before the first byte where possible.
        LockedError: another run downloads into this folder.
    """
    archives = archives_for(source, speakers)
    base_url = (base_url or BASE_URLS[source]).rstrip("/")
    stop = threading.Event()
    with folder_lock(folder), Fetcher(patience, progress, stop) as fetcher:
        if source == "zenodo":
            files = _zenodo_files(fetcher, archives, base_url)
        else:
            files = _sheffield_files(fetcher, archives, base_url, folder)
        _check_space(folder, files)
        results = _fetch_all(fetcher, files, folder, workers, stop)
    return tuple(
        DownloadedArchive(archive.name, path, archive.speaker, path.stat().st_size, fetched_bytes)
        for archive, (path, fetched_bytes) in zip(archives, results, strict=True)
    )


def _zenodo_files(fetcher: Fetcher, archives: Sequence[Archive], base_url: str) -> list[RemoteFile]:
    api_url = f"{base_url}/{ZENODO_API_PATH}"
    described = _parse_record(fetcher.json(api_url), api_url)
    files = []
    for archive in archives:
        if archive.name not in described:
            raise NetworkError(
                f"{api_url} does not list {archive.name}; is this the record of GRID?"
            )
        size_bytes, md5 = described[archive.name]
        _check_agreement(archive, size_bytes, md5, api_url)
        files.append(RemoteFile(archive.name, f"{base_url}/{archive.path}", size_bytes, md5))
    return files


def _parse_record(record: Any, api_url: str) -> dict[str, tuple[int, str]]:
    """Return size and md5 of every file of a Zenodo record, by name."""
    try:
        described = {}
        for entry in record["files"]:
            algorithm, _, digest = entry["checksum"].partition(":")
            if algorithm != "md5" or len(digest) != 32:
                raise ValueError(entry["checksum"])
            described[entry["key"]] = int(entry["size"]), digest.lower()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkError(
            f"{api_url} does not answer with a record of files, sizes and md5s ({error!r}); "
            "check the address"
        ) from error
    return described


def _check_agreement(archive: Archive, size_bytes: int, md5: str, api_url: str) -> None:
    if archive.md5 not in (None, md5):
        raise ChecksumError(
            f"{api_url} gives {archive.name} the md5 {md5}, but it is known to be {archive.md5}; "
            "nothing was fetched: the record has changed or the answer is forged"
        )
    if archive.size_bytes not in (None, size_bytes):
        raise ChecksumError(
            f"{api_url} gives {archive.name} {size_bytes} bytes, but it is known to have "
            f"{archive.size_bytes}; nothing was fetched: the record has changed or the answer "
            "is forged"
        )


def _sheffield_files(
    fetcher: Fetcher, archives: Sequence[Archive], base_url: str, folder: Path
) -> list[RemoteFile]:
    files = []
    for archive in archives:
        url, path = f"{base_url}/{archive.path}", folder / archive.name
        there = is_checked(path, url)
        size_bytes = path.stat().st_size if there else fetcher.size_bytes(url)
        files.append(RemoteFile(archive.name, url, size_bytes))
    return files


def _check_space(folder: Path, files: Sequence[RemoteFile]) -> None:
    missing = [(file.size_bytes or 0) - partial_bytes(folder, file) for file in files]
    needed_bytes = sum(max(0, count) for count in missing)
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes and needed_bytes + DISK_MARGIN_BYTES > free_bytes:
        raise DiskFullError(
            f"{needed_bytes / 1e9:.2f} GB are to be fetched into {folder}, but only "
            f"{free_bytes / 1e9:.2f} GB are free (and {DISK_MARGIN_BYTES / 1e9:.1f} GB must stay "
            "free); free some space, use another disk, or ask for fewer speakers"
        )


_Outcome = tuple[int, tuple[Path, int] | BaseException]


def _fetch_all(
    fetcher: Fetcher, files: Sequence[RemoteFile], folder: Path, workers: int, stop: threading.Event
) -> list[tuple[Path, int]]:
    """Fetch files in threads; return path and bytes fetched for each, in the order given."""
    todo: SimpleQueue[int] = SimpleQueue()
    outcomes: SimpleQueue[_Outcome] = SimpleQueue()
    for index in range(len(files)):
        todo.put(index)

    def work() -> None:
        while not stop.is_set():
            try:
                index = todo.get_nowait()
            except Empty:
                return
            try:
                outcomes.put((index, fetcher.fetch(files[index], folder)))
            except BaseException as error:
                outcomes.put((index, error))

    # Daemon threads: Ctrl-C must not wait for a connection that has stalled. A thread that
    # outlives the join below writes nothing more, since it looks at `stop` before each write.
    threads = [
        threading.Thread(target=work, name="gridkit-download", daemon=True)
        for _ in range(min(workers, len(files)))
    ]
    for thread in threads:
        thread.start()
    try:
        return _collect(outcomes, len(files))
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=1.0)


def _collect(outcomes: "SimpleQueue[_Outcome]", count: int) -> list[tuple[Path, int]]:
    """Wait for every outcome; a network error of one file does not stop the others."""
    results: dict[int, tuple[Path, int]] = {}
    failures: list[NetworkError] = []
    for _ in range(count):
        index, outcome = outcomes.get()
        if isinstance(outcome, NetworkError):
            failures.append(outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            results[index] = outcome
    if failures:
        more = f" (and {len(failures) - 1} more archives failed)" if len(failures) > 1 else ""
        raise type(failures[0])(f"{failures[0]}{more}")
    return [results[index] for index in range(count)]

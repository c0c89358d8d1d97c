"""What lies on an object store, kept in the cache: a finished corpus, or a folder of source clips.

A corpus is kept by the etag of its `corpus.json`, which has the hashes of everything else, so one
request tells whether the cache has it. Source files are kept by their own etags.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from gridkit.compute.cache import cache_folder
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES
from gridkit.errors import ChecksumError, CorpusError, InputError
from gridkit.prepare.earlier import OWN_FILES
from gridkit.storage.address import ObjectAddress
from gridkit.storage.objects import ObjectFolder, StoredObject
from gridkit.store.corpus_file import CORPUS_NAME, STATE_FOLDER, CorpusFile, read_corpus_file
from gridkit.store.files import sha256_of, temporary_of, write_file
from gridkit.store.manifest import MANIFEST_NAME
from gridkit.store.split_lists import split_list_path

FETCHED_AT_ONCE = 8
ETAGS_NAME = ".etags.json"
"""Which version of each source file is in a folder of the cache."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_UNSAFE = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f]")


def cached_corpus(address: ObjectAddress) -> Path:
    """Return a folder of the cache with a corpus; fetched where it is not there yet.

    Raises:
        CorpusError: what is there is not a corpus, or is not finished, or does not match itself.
        StorageError, ChecksumError: it cannot be fetched; what has arrived is kept.
        DiskFullError, EnvironmentProblem: writing failed; what has arrived is kept.
    """
    objects = ObjectFolder(address)
    folder = _folder_of_version(objects)
    print(f"{address} is kept in {folder}", file=sys.stderr)
    with folder_lock(folder, wait=True):
        if not (folder / CORPUS_NAME).is_file():
            content, file = described_corpus(objects, folder)
            for _ in _each(lambda shard: _fetch_shard(objects, file, shard, folder), file.shards):
                pass
            write_file(folder / CORPUS_NAME, content)
    return folder


def described_corpus(objects: ObjectFolder, folder: Path) -> tuple[bytes, CorpusFile]:
    """Fetch everything of a corpus but its shards and `corpus.json`, whose content is returned.

    Raises:
        CorpusError: what is there is not a corpus, or is not finished.
        StorageError: it cannot be fetched.
    """
    content = _corpus_json(objects)
    with TemporaryDirectory(prefix="gridkit-") as name:
        Path(name, CORPUS_NAME).write_bytes(content)
        try:
            file = read_corpus_file(Path(name))
        except CorpusError as error:
            raise CorpusError(str(error).replace(name, str(objects.address))) from error
    lists = [split_list_path(name) for name in file.splits if name not in BUILTIN_SPLIT_NAMES]
    for name in (*OWN_FILES, *lists):
        if (found := objects.find(name)) is not None:
            write_file(folder / name, objects.read(found.name))
    if sha256_of(folder / MANIFEST_NAME) != file.manifest_sha256:
        raise ChecksumError(
            f"{objects.address}/{MANIFEST_NAME} is not the file that {CORPUS_NAME} lists; run "
            "again, and if that does not help, make the corpus again"
        )
    return content, file


def cached_source(address: ObjectAddress) -> Path:
    """Return a folder of the cache with the files below a prefix; only what is new is fetched.

    Raises:
        InputError: nothing is there, or a name cannot be the name of a file.
        StorageError: it cannot be fetched; what has arrived is kept.
        DiskFullError, EnvironmentProblem: writing failed; what has arrived is kept.
    """
    objects = ObjectFolder(address)
    folder = cache_folder() / "sources" / _name_of(address)
    there = [entry for entry in objects.list() if not entry.name.endswith("/")]
    if not there:
        raise InputError(f"source {address}: nothing is there; check the prefix")
    for entry in there:
        if _UNSAFE.search(entry.name):
            raise InputError(f"source {address}: {entry.name!r} cannot be the name of a file")
    print(f"{address} is kept in {folder}", file=sys.stderr)
    with folder_lock(folder, wait=True):
        _remove_others(folder, {entry.name for entry in there})
        etags = _read_etags(folder)
        new = [entry for entry in there if not _is_here(entry, folder, etags)]
        for entry in _each(lambda entry: _fetch_source(objects, entry, folder), new):
            etags[entry.name] = entry.etag
            write_file(folder / ETAGS_NAME, json.dumps(etags).encode())
    return folder


def _corpus_json(objects: ObjectFolder) -> bytes:
    try:
        return objects.read(CORPUS_NAME)
    except FileNotFoundError:
        pass
    if next(objects.list(STATE_FOLDER), None) is not None:
        raise CorpusError(
            f"{objects.address} is not finished: a run was stopped, or is still running; give the "
            "same gridkit prepare command again, or gridkit merge"
        )
    raise CorpusError(
        f"{objects.address} is not a prepared corpus (it has no {CORPUS_NAME}); make one: gridkit "
        "prepare"
    )


def _folder_of_version(objects: ObjectFolder) -> Path:
    found = objects.find(CORPUS_NAME)
    version = hashlib.sha256((found.etag if found else "").encode()).hexdigest()[:32]
    if found is None:
        _corpus_json(objects)  # says why
    return cache_folder() / "corpora" / _name_of(objects.address) / version


def _name_of(address: ObjectAddress) -> str:
    return "s3--" + f"{address.bucket}/{address.prefix}".removesuffix("/").replace("/", "--")


def _each(
    fetch: Callable[[Item], Result], items: Collection[Item]
) -> Generator[Result, None, None]:
    """Fetch things at the same time, with a bar, and yield what comes of each, in their order."""
    with Progress("download", len(items), unit="files") as progress:
        pool = ThreadPoolExecutor(FETCHED_AT_ONCE)
        try:
            for result in pool.map(fetch, items):
                progress.advance()
                yield result
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_shard(objects: ObjectFolder, file: CorpusFile, shard: str, folder: Path) -> None:
    place, sha256 = folder / shard, file.shards[shard].sha256
    if place.is_file() and sha256_of(place) == sha256:
        return
    arriving = temporary_of(place)
    arriving.parent.mkdir(parents=True, exist_ok=True)
    try:
        objects.fetch(shard, arriving)
    except FileNotFoundError:
        raise CorpusError(
            f"{objects.address} does not match its {CORPUS_NAME}: {shard} is missing"
        ) from None
    if sha256_of(arriving) != sha256:
        arriving.unlink()
        raise ChecksumError(
            f"{objects.address}/{shard} is not the file that {CORPUS_NAME} lists; see gridkit "
            f"validate {objects.address}"
        )
    arriving.replace(place)


def _is_here(entry: StoredObject, folder: Path, etags: Mapping[str, str]) -> bool:
    return etags.get(entry.name) == entry.etag and (folder / entry.name).is_file()


def _fetch_source(objects: ObjectFolder, entry: StoredObject, folder: Path) -> StoredObject:
    place = folder / entry.name
    arriving = temporary_of(place)
    arriving.parent.mkdir(parents=True, exist_ok=True)
    objects.fetch(entry.name, arriving)
    # what a plan is made of must be the same on every machine that fetches it
    os.utime(arriving, (entry.modified_s, entry.modified_s))
    arriving.replace(place)
    return entry


def _read_etags(folder: Path) -> dict[str, str]:
    try:
        etags = json.loads((folder / ETAGS_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return etags if isinstance(etags, dict) else {}


def _remove_others(folder: Path, names: set[str]) -> None:
    for path in folder.rglob("*"):
        hidden = path.parent == folder and path.name.startswith(".")
        if path.is_file() and not hidden and path.relative_to(folder).as_posix() not in names:
            path.unlink()

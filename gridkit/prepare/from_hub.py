"""A prepared corpus that someone published on the Hub, taken as it is: byte for byte.

Files arrive one by one and are compared with the hashes of the Hub and of `corpus.json`;
`corpus.json` itself comes last, so that a corpus without all its files never looks finished.
"""

import json
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gridkit.compute.cache import cache_folder
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.errors import CheckFailed, CorpusError, InputError, UsageError
from gridkit.hub.address import HubAddress, is_hub_address, parse_hub_address
from gridkit.hub.snapshot import Snapshot, fetch_files, find_commit, open_snapshot
from gridkit.prepare.earlier import OWN_FILES, earlier_corpus
from gridkit.prepare.from_objects import cached_corpus
from gridkit.storage.address import is_object_address, parse_object_address
from gridkit.store.corpus_file import CORPUS_NAME, STATE_FOLDER, CorpusFile, read_corpus_file
from gridkit.store.files import write_file
from gridkit.store.manifest import MANIFEST_NAME
from gridkit.store.validate import AGAIN, check_split_lists, validate

ORIGIN_NAME = ".hub.json"
"""Says which commit a folder was fetched from; hidden, and not part of the corpus."""

_ASK_OWNER = "take another revision, or ask its owner to run gridkit publish again"
_ARRIVING = f"{STATE_FOLDER}/hub"
_SPLIT_LIST = re.compile(r"splits/[a-z0-9][a-z0-9-]*\.tsv")
_OF_CORPUS = re.compile(rf"data/[\w-]+\.parquet|{re.escape(MANIFEST_NAME)}")


def prepare_from_hub(
    address: HubAddress, folder: Path, crops: Sequence[str] = (), workers: int = 1
) -> CorpusFile:
    """Make the corpus of a folder from the Hub, and check it; a finished one is left alone.

    Args:
        address: which corpus.
        folder: of the corpus; a finished corpus there must be the same one.
        crops: profiles that it is expected to have.
        workers: processes that check.

    Raises:
        LockedError: another run works in the folder.
        InputError: the folder holds another corpus, or files of someone else.
        CorpusError: what is on the Hub is not a corpus, is incomplete, or a newer gridkit made it.
        UsageError: it lacks a crop that was asked for.
        CheckFailed: it arrived as it is on the Hub, and does not pass `gridkit validate --fast`.
        HubError, NetworkError, ChecksumError: it cannot be fetched; what has arrived is kept.
        DiskFullError, EnvironmentProblem: writing failed; what has arrived is kept.
    """
    with folder_lock(folder):
        earlier = earlier_corpus(folder)
        earlier.check_nothing_is_foreign()
        _check_same_kind_of_run(folder)
        snapshot = open_snapshot(address)
        print(f"{address} is commit {snapshot.commit}", file=sys.stderr)
        if earlier.file is not None:
            _check_same_corpus(snapshot, folder)
            if _is_finished(snapshot, earlier.file, folder):
                _check_crops(earlier.file, crops, address)
                return earlier.file
        file = _fetch_corpus(snapshot, folder, crops)
        _validate(folder, file, workers)
        return file


def local_corpus(data: str) -> Path:
    """Return the folder of a corpus: on this machine, or fetched into the cache.

    Args:
        data: a folder; `hf:ORG/NAME[@REVISION]`, which is kept in the cache by its commit; or
            `s3://BUCKET/PREFIX`, which is kept by the etag of its `corpus.json`.

    Raises:
        UsageError: it begins with `hf:` or `s3://` and has another form.
        CorpusError: what is on the Hub is not a corpus, is incomplete, or a newer gridkit made it.
        HubError, StorageError, NetworkError, ChecksumError: it cannot be fetched; what has arrived
            is kept.
        DiskFullError, EnvironmentProblem: writing failed; what has arrived is kept.
    """
    if is_object_address(data):
        return cached_corpus(parse_object_address(data, "--data"))
    if not is_hub_address(data):
        return Path(data)
    address = parse_hub_address(data, "--data")
    commit = find_commit(address, "dataset")
    folder = cache_folder() / "corpora" / address.repo.replace("/", "--") / commit
    print(f"{address} is commit {commit}, kept in {folder}", file=sys.stderr)
    with folder_lock(folder, wait=True):
        if not (folder / CORPUS_NAME).is_file():
            exact = HubAddress(address.repo, commit)
            _fetch_corpus(open_snapshot(exact), folder, ())
    return folder


def _fetch_corpus(snapshot: Snapshot, folder: Path, crops: Sequence[str]) -> CorpusFile:
    staging = folder / _ARRIVING
    staging.mkdir(parents=True, exist_ok=True)
    file = _read_description(snapshot, staging)
    _check_crops(file, crops, snapshot.address)
    snapshot = _as_described(snapshot, file)
    paths = _corpus_paths(snapshot, file)
    with Progress("download", len(paths), unit="files") as progress:
        fetch_files(snapshot, paths, folder, staging, lambda _path: progress.advance())
    for finding in check_split_lists(folder, file):
        raise CorpusError(
            f"{snapshot.address} does not match its {CORPUS_NAME}: {finding}; {_ASK_OWNER}"
        )
    # an earlier run may have died with another commit
    for path in (folder / "data").glob("*.parquet"):
        if f"data/{path.name}" not in file.shards:
            path.unlink()
    origin = {"repo": snapshot.address.repo, "commit": snapshot.commit}
    write_file(folder / ORIGIN_NAME, f"{json.dumps(origin)}\n".encode())
    write_file(folder / CORPUS_NAME, (staging / CORPUS_NAME).read_bytes())
    shutil.rmtree(folder / STATE_FOLDER)
    return file


def _corpus_paths(snapshot: Snapshot, file: CorpusFile) -> list[str]:
    """Return what a corpus has besides `corpus.json`; other files are not fetched."""
    small = (path for path in snapshot.files if path in OWN_FILES or _SPLIT_LIST.fullmatch(path))
    return [*file.shards, *sorted(small)]


def _is_finished(snapshot: Snapshot, file: CorpusFile, folder: Path) -> bool:
    there = _as_described(snapshot, file).files
    files = (there[path] for path in _corpus_paths(snapshot, file))
    return not (folder / STATE_FOLDER).exists() and all(
        described.is_whole(folder / described.path) for described in files
    )


def _validate(folder: Path, file: CorpusFile, workers: int) -> None:
    with Progress("check", file.counts.kept) as progress:
        findings = validate(
            folder, decode=False, workers=workers, on_clips=progress.advance
        ).findings
    if findings:
        # fetching it again would give the same files
        what = str(findings[0]).removesuffix(f"; {AGAIN}")
        raise CheckFailed(
            f"{folder} arrived as it is on the Hub, but {what} (1 of {len(findings)} findings); "
            f"{_ASK_OWNER}; see gridkit validate {folder}"
        )


def _read_description(snapshot: Snapshot, staging: Path) -> CorpusFile:
    """Fetch `corpus.json`, and check that the Hub has all that it lists.

    Raises:
        CorpusError: there is none, a newer gridkit made it, or files are missing or differ.
    """
    address = snapshot.address
    if CORPUS_NAME not in snapshot.files:
        raise CorpusError(
            f"{address} is not a prepared corpus (it has no {CORPUS_NAME}); `gridkit publish` puts "
            "a prepared corpus there"
        )
    # kept apart from the corpus: under its own name it would say that everything is there
    fetch_files(snapshot, [CORPUS_NAME], staging, staging / "arriving")
    try:
        file = read_corpus_file(staging)
    except CorpusError as error:
        raise CorpusError(str(error).replace(str(staging), str(address))) from error
    for path, sha256 in _digests(file).items():
        there = snapshot.files.get(path)
        entry = file.shards.get(path)
        sized = entry is None or there is None or entry.bytes == there.size_bytes
        same = sized and there is not None and there.sha256 in (None, sha256)
        if not same or not _OF_CORPUS.fullmatch(path):
            raise CorpusError(
                f"{address} does not match its {CORPUS_NAME}: {path} is "
                f"{'missing' if there is None else 'another file'}; {_ASK_OWNER}"
            )
    return file


def _digests(file: CorpusFile) -> dict[str, str]:
    """Return the SHA-256 of each file that `corpus.json` has one of."""
    digests = {path: entry.sha256 for path, entry in file.shards.items()}
    return {**digests, MANIFEST_NAME: file.manifest_sha256}


def _as_described(snapshot: Snapshot, file: CorpusFile) -> Snapshot:
    """Return the commit with the hashes of `corpus.json`: of a plain git file the Hub has none."""
    described = {
        path: replace(snapshot.files[path], sha256=sha256)
        for path, sha256 in _digests(file).items()
        if path in snapshot.files
    }
    return replace(snapshot, files={**snapshot.files, **described})


def _check_crops(file: CorpusFile, crops: Sequence[str], address: HubAddress) -> None:
    lacking = [crop for crop in crops if crop not in file.profiles]
    if lacking:
        raise UsageError(
            f"--crop {lacking[0]}: {address} has {', '.join(file.profiles)}, and a crop cannot be "
            "cut without the source videos; leave it out, or prepare from the source videos"
        )


def _check_same_kind_of_run(folder: Path) -> None:
    if (folder / STATE_FOLDER).is_dir() and not (folder / _ARRIVING).is_dir():
        raise InputError(
            f"{folder} holds an unfinished run from another source; finish that run, or name "
            "another folder"
        )


def _check_same_corpus(snapshot: Snapshot, folder: Path) -> None:
    here = folder / CORPUS_NAME
    there = snapshot.files.get(CORPUS_NAME)
    if here.is_file() and there is not None and not there.is_whole(here):
        raise InputError(
            f"{folder} holds another corpus than {snapshot.address}; name another folder"
        )

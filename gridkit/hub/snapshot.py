"""The files of one commit on the Hub: what they are, and how they come into a folder, checked.

A branch or tag is resolved to a commit first, so that all files are of one state. A file is kept
where it is as the Hub describes it (SHA-256 of a large file, git's SHA-1 of a small one), so a run
that was killed asks for what it lacks alone.

Source: git-hash-object(1): a blob's id is the SHA-1 of `blob SIZE`, a zero byte and the content.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gridkit.errors import ChecksumError, EnvironmentProblem
from gridkit.hub.address import DEFAULT_REVISION, HubAddress
from gridkit.hub.client import hub_errors, open_hub

if TYPE_CHECKING:
    from huggingface_hub import RepoFile

RepoType = Literal["dataset", "model"]
DOWNLOADS = 4
"""Files that are fetched at the same time."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubFile:
    """A file of a commit, as the Hub describes it."""

    path: str
    """In the repository, with "/"."""
    size_bytes: int
    sha256: str | None
    """Of a large file, else None; or what the publisher says of any, which then counts."""
    git_oid: str
    """Of a small file its content's id; of a large one that of the pointer to it."""

    def is_whole(self, file: Path) -> bool:
        """Return whether a file on disk has this content."""
        if not file.is_file() or file.stat().st_size != self.size_bytes:
            return False
        if self.sha256 is None:
            return git_blob_id(file.read_bytes()) == self.git_oid
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256


def hub_file(entry: "RepoFile") -> HubFile:
    """Return a file as the Hub's client lists it."""
    sha256 = entry.lfs.sha256 if entry.lfs else None
    return HubFile(entry.path, entry.size, sha256, entry.blob_id)


def git_blob_id(content: bytes) -> str:
    """Return git's id of a file with this content.

    >>> git_blob_id(b"")
    'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'
    """
    digest = hashlib.sha1(f"blob {len(content)}\0".encode(), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository."""

    address: HubAddress
    """As it was asked for."""
    commit: str
    """All 40 digits."""
    files: Mapping[str, HubFile]
    """By path."""
    repo_type: RepoType = "dataset"


def find_commit(address: HubAddress, repo_type: RepoType) -> str:
    """Return the commit that a branch or tag names now; a commit's own id is not asked for.

    Raises:
        HubError, NetworkError: as `hub_errors`.
    """
    revision = address.revision or DEFAULT_REVISION
    if _COMMIT.fullmatch(revision):
        return revision
    with hub_errors(address):
        commit = open_hub().repo_info(address.repo, repo_type=repo_type, revision=revision).sha
    assert commit is not None
    return commit


def open_snapshot(address: HubAddress, repo_type: RepoType = "dataset") -> Snapshot:
    """Return which files a revision of a repository has.

    Raises:
        HubError, NetworkError: as `hub_errors`.
    """
    from huggingface_hub import RepoFile

    commit = find_commit(address, repo_type)
    with hub_errors(address):
        tree = open_hub().list_repo_tree(
            address.repo, recursive=True, revision=commit, repo_type=repo_type
        )
        files = {entry.path: hub_file(entry) for entry in tree if isinstance(entry, RepoFile)}
    return Snapshot(address, commit, files, repo_type)


def fetch_files(
    snapshot: Snapshot,
    paths: Iterable[str],
    folder: Path,
    staging: Path,
    on_file: Callable[[str], None] = lambda _path: None,
) -> None:
    """Fetch files of a commit into a folder, under their own paths; whole ones stay.

    Args:
        snapshot: the commit.
        paths: which of its files.
        folder: where they go; each appears there when it is whole and checked.
        staging: where they arrive, on the same disk.
        on_file: called with each file that is there.

    Raises:
        ChecksumError: a file arrived with another hash than it should have.
        EnvironmentProblem: the folder cannot be written to.
        HubError, NetworkError: as `hub_errors`; what has arrived is kept.
    """
    files = [snapshot.files[path] for path in paths]
    pool = ThreadPoolExecutor(DOWNLOADS)
    try:
        missing = [file for file in files if not file.is_whole(folder / file.path)]
        for file in sorted(set(files) - set(missing), key=lambda file: file.path):
            on_file(file.path)
        for path in pool.map(lambda file: _fetch(snapshot, file, folder, staging), missing):
            on_file(path)
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch(snapshot: Snapshot, file: HubFile, folder: Path, staging: Path) -> str:
    place = folder / file.path
    with hub_errors(snapshot.address):
        arrived = Path(
            open_hub().hf_hub_download(
                snapshot.address.repo,
                file.path,
                repo_type=snapshot.repo_type,
                revision=snapshot.commit,
                local_dir=staging,
            )
        )
    if not file.is_whole(arrived):
        arrived.unlink()
        raise ChecksumError(
            f"{snapshot.address}: {file.path} did not arrive as its publisher describes it; run "
            "again, and if that does not help, name another revision"
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        arrived.replace(place)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {place}: {error.strerror}") from error
    return file.path

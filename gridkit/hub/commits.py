"""Commits to a repository on the Hub: what has to go, in which batches, and sending one.

Content decides, by the hashes that the Hub gives: SHA-256 of a large file, git's blob id of a
small one. A file that is there already, byte for byte, is not sent. A file is replaced or removed
only where `is_ours` says so (`gridkit.publish.comparison` decides, by the journal and the
titles of commits); anything else is someone else's.

Each commit names its parent, so the Hub refuses it (412) where someone else was faster.

Source: huggingface_hub 2.4, `HfApi.create_commit`; the path is plain LFS (HF_HUB_DISABLE_XET=1).
"""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gridkit.errors import GridkitError
from gridkit.hub.snapshot import HubFile, RepoType, git_blob_id

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi

TITLE = "gridkit publish"
"""How the title of every commit begins; it shows which files are ours."""
BATCH_FILES = 50
BATCH_BYTES = 1_000_000_000
TRIES = 4
"""Tries of one request, where the Hub fails temporarily or asks to wait."""
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class LocalFile:
    """A file to be published."""

    path: str
    """In the repository, with "/"."""
    content: Path | bytes
    size_bytes: int
    sha256: str

    @cached_property
    def blob_id(self) -> str:
        """Git's id of this content."""
        return git_blob_id(self.read())

    def read(self) -> bytes:
        """Return the content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()

    @property
    def identities(self) -> tuple[str, str]:
        """Ids by which the Hub may list this content."""
        return self.sha256, self.blob_id

    def is_same(self, there: HubFile | None) -> bool:
        """Return whether the Hub has this content."""
        if there is None:
            return False
        return identity_of(there) == (self.sha256 if there.sha256 else self.blob_id)


def identity_of(file: HubFile) -> str:
    """Return the id of a file's content: SHA-256 of a large one, git's blob id of a small one."""
    return file.sha256 or file.git_oid


@dataclass(frozen=True)
class Plan:
    """What has to be done so that a repository holds the files."""

    send: tuple[LocalFile, ...]
    """In the order they were given."""
    unchanged: tuple[LocalFile, ...]
    remove: tuple[str, ...]
    foreign: tuple[str, ...]
    """Paths that would have to be replaced, and hold a file of someone else."""

    @property
    def send_bytes(self) -> int:
        """Size of the files to send."""
        return sum(file.size_bytes for file in self.send)

    @property
    def is_empty(self) -> bool:
        """Whether everything is there already."""
        return not (self.send or self.remove or self.foreign)


def make_plan(
    files: Sequence[LocalFile],
    there: Mapping[str, HubFile],
    obsolete: Iterable[str],
    is_ours: Callable[[HubFile], bool],
) -> Plan:
    """Compare files with a repository.

    Args:
        files: what is to be published.
        there: what the repository has, by path.
        obsolete: paths that an earlier corpus had; removed where they are there, ours, and not
            published again.
        is_ours: whether a file there may be replaced.
    """
    unchanged = [file for file in files if file.is_same(there.get(file.path))]
    same = {file.path for file in unchanged}
    send = [file for file in files if file.path not in same]
    taken = {file.path for file in files}
    gone = [there[path] for path in sorted(set(obsolete) - taken) if path in there]
    foreign = [f.path for f in send if f.path in there and not is_ours(there[f.path])]
    remove = [file.path for file in gone if is_ours(file)]
    return Plan(tuple(send), tuple(unchanged), tuple(remove), tuple(foreign))


def make_batches(
    files: Sequence[LocalFile], most_files: int = BATCH_FILES, most_bytes: int = BATCH_BYTES
) -> list[tuple[LocalFile, ...]]:
    """Divide files, in their order, into commits of a size that the Hub handles well."""
    batches: list[list[LocalFile]] = []
    size_bytes = 0
    for file in files:
        full = not batches or len(batches[-1]) == most_files
        if full or size_bytes + file.size_bytes > most_bytes:
            batches.append([])
            size_bytes = 0
        batches[-1].append(file)
        size_bytes += file.size_bytes
    return [tuple(batch) for batch in batches]


def titles_of(
    hub: "HfApi", repo: str, commit: str, paths: Collection[str], repo_type: RepoType
) -> dict[str, str]:
    """Return the title of the commit that last changed each path."""
    ordered = sorted(paths)
    titles: dict[str, str] = {}
    for start in range(0, len(ordered), 100):
        entries = patiently(
            partial(
                hub.get_paths_info,
                repo,
                ordered[start : start + 100],
                expand=True,
                revision=commit,
                repo_type=repo_type,
            )
        )
        titles |= {
            entry.path: entry.last_commit.title if entry.last_commit else "" for entry in entries
        }
    return titles


def send_commit(
    hub: "HfApi",
    repo: str,
    revision: str,
    parent: str,
    files: Sequence[LocalFile],
    remove: Sequence[str],
    title: str,
    *,
    repo_type: RepoType = "dataset",
    pull_request: bool = False,
    on_position: Callable[[str, int], None] = lambda _path, _position: None,
) -> "CommitInfo":
    """Upload files and commit them in one commit; only the client itself tries again.

    Args:
        hub: the client.
        repo: ORG/NAME.
        revision: branch, or `refs/pr/N`.
        parent: commit that the branch must still point to.
        files: the files to send.
        remove: what is taken out of the repository.
        title: of the commit.
        repo_type: of the repository.
        pull_request: whether to open a pull request with it.
        on_position: called with a path and how many of its bytes were sent.

    Raises:
        Exception: what the client raises; `hub_errors` turns it into one line.
    """
    from huggingface_hub import CommitOperationDelete

    from gridkit.hub.addition import CountedAddition

    additions = [
        CountedAddition(file.path, file.content, file.sha256, partial(on_position, file.path))
        for file in files
    ]
    # the client tries uploads again, but not the commit: apart, a failed commit sends no bytes
    hub.preupload_lfs_files(
        repo,
        additions,
        repo_type=repo_type,
        revision=revision,
        create_pr=pull_request,
        free_memory=False,
    )
    return hub.create_commit(
        repo,
        [*additions, *(CommitOperationDelete(path, is_folder=False) for path in remove)],
        commit_message=title,
        repo_type=repo_type,
        revision=revision,
        parent_commit=parent,
        create_pr=pull_request,
    )


def card_problems(hub: "HfApi", card: str, repo_type: RepoType) -> list[str]:
    """Return what the Hub finds wrong with a card's metadata.

    `DatasetCard.validate` does the same, at the endpoint that was set when it was imported.

    Raises:
        Exception: what the client raises; `hub_errors` turns it into one line.
    """
    from huggingface_hub import get_session, hf_raise_for_status

    answer = get_session().post(
        f"{hub.endpoint}/api/validate-yaml", json={"content": card, "repoType": repo_type}
    )
    if answer.status_code == 400:
        messages = [str(error.get("message")) for error in answer.json().get("errors", [])]
        return [" ".join(message.split()) for message in messages] or ["no reason given"]
    hf_raise_for_status(answer)
    return []


def patiently(call: Callable[[], Answer]) -> Answer:
    """Try again, a few times, where the Hub fails temporarily or asks to wait.

    Raises:
        Exception: what the client raises in the end, or at once where trying again does not help.
    """
    for failures in range(TRIES):
        try:
            return call()
        except Exception as error:
            seconds = wait_s(error, failures)
            if seconds is None:
                raise
            wait(seconds)
    raise AssertionError("the last try raises")


def wait_s(error: BaseException, failures: int) -> float | None:
    """Return how long to wait before the next try, None where there should be none.

    Args:
        error: what the client raised, or what `hub_errors` made of it.
        failures: how often it failed in a row before.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, GridkitError):
        return wait_s(error.__cause__, failures) if error.__cause__ is not None else None
    if failures + 1 >= TRIES:
        return None
    longer_s = FIRST_WAIT_S * 2**failures
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        asked = error.response.headers.get("Retry-After", "")
        seconds = float(asked) if asked.isdigit() else longer_s
        return seconds if (status == 429 or status >= 500) and seconds <= LONGEST_WAIT_S else None
    passes = isinstance(error, httpx2.TransportError)
    return longer_s if passes and not isinstance(error, httpx2.LocalProtocolError) else None


def conflict_wait_s(conflicts: int) -> float | None:
    """Return how long to wait before going on after someone else's commit, None to give up.

    Args:
        conflicts: how often in a row this happened before.
    """
    return FIRST_WAIT_S * 2**conflicts if conflicts + 1 < TRIES else None


def wait(seconds: float, why: str = "the Hub is not ready") -> None:
    """Wait, and say so."""
    print(f"{why}; trying again in {seconds:.0f} s", file=sys.stderr, flush=True)
    time.sleep(seconds)

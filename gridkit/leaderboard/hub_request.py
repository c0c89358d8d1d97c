"""A submission as a pull request to a board on the Hub: one commit with all of its files, or none.

The board is a dataset repository with the folders of the git checkout: a submission goes to
`leaderboard/submissions/ORG__MODEL/REVISION/TASK-SPLIT/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gridkit.errors import HubError, SubmissionError
from gridkit.hub.address import DEFAULT_REVISION, HubAddress
from gridkit.hub.client import LOG_IN, has_token, hub_errors, open_hub
from gridkit.hub.commits import LocalFile, patiently, send_commit
from gridkit.hub.pull_requests import is_open, newest_pull_requests
from gridkit.hub.snapshot import hub_file, open_snapshot
from gridkit.leaderboard.pull_request import SUBMISSIONS
from gridkit.leaderboard.submission import LARGEST_BYTES, Address, Submission
from gridkit.store.files import sha256_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class HubRequest:
    """A pull request on the Hub."""

    number: int
    page: str
    """Its address."""
    is_new: bool
    """False where an earlier run opened it, and perhaps never knew."""


def check_board(repo: str, address: Address) -> str:
    """Refuse a board that cannot be proposed to, before anything is made; return its newest commit.

    Args:
        repo: ORG/NAME of the dataset.
        address: of the submission.

    Raises:
        HubError: there is no token, or no such dataset.
        NetworkError: as `hub_errors`.
        SubmissionError: the board has the revision already.
    """
    if not has_token():
        raise HubError(f"hf:{repo}: no token for the Hub; {LOG_IN}")
    place, there = f"{SUBMISSIONS}/{address.path}/", open_snapshot(HubAddress(repo))
    if any(path.startswith(place) for path in there.files):
        raise SubmissionError(
            "layout",
            f"hf:{repo} has {place} already; a submission that changed is another revision",
        )
    return there.commit


def propose(submission: Submission, repo: str) -> HubRequest:
    """Open a pull request with a submission; one that is open with these very files is returned.

    Raises:
        HubError, NetworkError, SubmissionError: as `check_board`; nothing is proposed then.
    """
    parent = check_board(repo, submission.address)
    hub, files = open_hub(), _files(submission)
    with hub_errors(HubAddress(repo)):
        number = _already_open(hub, repo, files)
        is_new = number is None
        if number is None:
            title = f"Submission: {submission.card.name}, {submission.address.path}"
            send = partial(send_commit, hub, repo, DEFAULT_REVISION, parent, files, (), title)
            number = send(pull_request=True).pr_num
        assert number is not None
    return HubRequest(number, f"{hub.endpoint}/datasets/{repo}/discussions/{number}", is_new)


def _files(submission: Submission) -> list[LocalFile]:
    """Return the files to send; predictions that lie elsewhere are not among them."""
    place, folder = SUBMISSIONS / submission.address.path, submission.folder
    named = [*LARGEST_BYTES, submission.predictions.uri.removeprefix("file:")]
    return [
        LocalFile(str(place / path.name), path, path.stat().st_size, sha256_of(path))
        for path in (folder / name for name in sorted(named))
        if path.is_file()
    ]


def _already_open(hub: "HfApi", repo: str, files: Sequence[LocalFile]) -> int | None:
    """Return the open pull request that has exactly these files, among the newest."""
    from huggingface_hub import RepoFile

    for number in newest_pull_requests(hub, repo, "dataset"):
        there = patiently(
            partial(
                hub.get_paths_info,
                repo,
                [file.path for file in files],
                revision=f"refs/pr/{number}",
                repo_type="dataset",
            )
        )
        found = {entry.path: hub_file(entry) for entry in there if isinstance(entry, RepoFile)}
        is_whole = all(file.is_same(found.get(file.path)) for file in files)
        if is_whole and is_open(hub, repo, number, "dataset"):
            return number
    return None

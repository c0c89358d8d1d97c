"""Where a submission's predictions lie, brought here and compared with their hash."""

import re
from functools import partial
from pathlib import Path

from gridkit.errors import SubmissionError
from gridkit.hub.address import HubAddress
from gridkit.hub.client import hub_errors, open_hub
from gridkit.hub.commits import patiently
from gridkit.hub.snapshot import fetch_files, open_snapshot
from gridkit.leaderboard.submission import PredictionsFile, Submission
from gridkit.store.files import sha256_of

_HUB = re.compile(
    r"hf:(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})/"
    r"(?P<path>(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.parquet)"
)
FETCHED = "fetched"
"""Folder of downloads: their paths are a stranger's, and must not meet our own files."""
_BESIDE = re.compile(r"file:(?P<name>[\w-]+\.parquet)")


def local_predictions(submission: Submission, work: Path, at: Path | None = None) -> Path:
    """Return the predictions as a file of this machine, which is what the submission describes.

    Args:
        submission: what names them.
        work: where a download goes.
        at: a copy that a person has; None: where `predictions.json` says.

    Raises:
        SubmissionError: there is none, or another one.
        HubError, NetworkError: the Hub does not give it.
    """
    file = submission.predictions
    if at is None:
        beside, hub = _BESIDE.fullmatch(file.uri), _HUB.fullmatch(file.uri)
        if hub is not None:
            at = _download(file, hub, work)
        elif beside is not None:
            at = submission.folder / beside["name"]
        else:
            raise SubmissionError(
                "predictions",
                f"{file.uri}: expected hf:ORG/NAME@COMMIT/PATH.parquet with all 40 digits of the "
                "commit, or file:NAME.parquet beside the other files",
            )
    try:
        if at.is_symlink() or not at.is_file():
            raise SubmissionError("predictions", f"{at} is not there, or is a link")
        if at.stat().st_size != file.bytes or sha256_of(at) != file.sha256:
            raise SubmissionError(
                "predictions", f"{at} is not the file that predictions.json describes"
            )
    except OSError as error:
        raise SubmissionError("predictions", f"cannot read {at}: {error.strerror}") from error
    return at


def is_on_the_hub(uri: str) -> bool:
    """Return whether a uri names a file of a commit on the Hub."""
    return _HUB.fullmatch(uri) is not None


def upload_predictions(path: Path, repo: str, place: str) -> str:
    """Put a file of predictions into a dataset repository on the Hub, and return its address.

    Args:
        path: the file.
        repo: ORG/NAME; made, public, where it is missing.
        place: path in the repository.

    Raises:
        HubError, NetworkError: as `hub_errors`.
    """
    hub = open_hub()
    with hub_errors(f"hf:{repo}"):
        patiently(partial(hub.create_repo, repo, repo_type="dataset", exist_ok=True))
        send = partial(
            hub.upload_file,
            path_or_fileobj=path,
            path_in_repo=place,
            repo_id=repo,
            repo_type="dataset",
            commit_message=f"Predictions {place}",
        )
        commit = patiently(send).oid
    return f"hf:{repo}@{commit}/{place}"


def describe_file(path: Path, uri: str) -> PredictionsFile:
    """Return what `predictions.json` says of a file."""
    return PredictionsFile(uri, sha256_of(path), path.stat().st_size)


def _download(file: PredictionsFile, hub: re.Match[str], work: Path) -> Path:
    snapshot = open_snapshot(HubAddress(hub["repo"], hub["commit"]))
    there = snapshot.files.get(hub["path"])
    if there is None or there.size_bytes != file.bytes:
        raise SubmissionError("predictions", f"{file.uri} is not there, or of another size")
    fetch_files(snapshot, [there.path], work / FETCHED, work / "arriving")
    return work / FETCHED / there.path

"""Which submissions a pull request touches, and whether it touches anything else."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gridkit.errors import SubmissionError, UsageError
from gridkit.leaderboard.git import git
from gridkit.leaderboard.submission import parse_address
from gridkit.leaderboard.verdict import Finding

SUBMISSIONS = PurePosixPath("leaderboard/submissions")
PREDICTIONS = "predictions.parquet"
_PARTS = len(SUBMISSIONS.parts) + 3


@dataclass(frozen=True)
class Touched:
    """What a pull request changes."""

    submissions: tuple[PurePosixPath, ...]
    """Folders, from the root of the checkout."""
    findings: tuple[Finding, ...]
    """Why it cannot be taken as it is."""


def touched_by(checkout: Path, base: str, head: str) -> Touched:
    """Return what the commits from where HEAD left BASE up to HEAD change.

    Raises:
        UsageError: it is no checkout, or has no such commits.
        EnvironmentProblem: git is not installed.
    """
    for commit in (base, head):
        if commit.startswith("-"):
            raise UsageError(f"{commit!r} is not a commit")
    names = ("--name-status", "--no-renames", "-z")
    try:
        changes = git(checkout, "diff", *names, f"{base}...{head}", "--")
    except UsageError as error:
        raise UsageError(f"git finds no {base}...{head} in {checkout}") from error
    changed = changes.split("\0")[:-1]
    return _sorted(
        dict(zip(changed[1::2], changed[::2], strict=True)),
        lambda folder: _is_in(checkout, base, folder),
    )


def check_head(checkout: Path, head: str) -> None:
    """Refuse a checkout that holds something else than HEAD.

    Raises:
        UsageError: another commit is checked out, or files of submissions were changed.
    """
    here, wanted = (git(checkout, "rev-parse", f"{name}^{{commit}}") for name in ("HEAD", head))
    if here != wanted:
        raise UsageError(f"{checkout} has another commit checked out than {head}; git switch to it")
    if git(checkout, "status", "--porcelain", "--", str(SUBMISSIONS)):
        raise UsageError(f"{checkout}: files of {SUBMISSIONS} are not as they were committed")


def _is_in(checkout: Path, commit: str, folder: PurePosixPath) -> bool:
    return bool(git(checkout, "ls-tree", commit, "--", f"{folder}/"))


def _sorted(changes: dict[str, str], is_known: Callable[[PurePosixPath], bool]) -> Touched:
    folders, findings = set[PurePosixPath](), []
    for name, kind in changes.items():
        path = PurePosixPath(name)
        folder = PurePosixPath(*path.parts[:_PARTS])
        inside = SUBMISSIONS in path.parents and len(path.parts) == _PARTS + 1
        if not inside or not _is_address(folder):
            text = f"{name!r} does not belong to a submission; a request changes nothing else"
            findings.append(Finding("rejected", "touches", text))
        elif kind != "A" or is_known(folder):
            text = f"{name!r} is there already; a submission that changed is another revision"
            findings.append(Finding("rejected", "touches", text))
        elif path.name == PREDICTIONS:
            text = (
                f"{name!r} is large and does not go into git; put it on the Hub (submit --upload)"
            )
            findings.append(Finding("rejected", "touches", text))
        else:
            folders.add(folder)
    if not changes:
        findings.append(Finding("rejected", "touches", "the request changes nothing"))
    return Touched(tuple(sorted(folders)), tuple(findings))


def _is_address(folder: PurePosixPath) -> bool:
    try:
        parse_address(Path("/", folder))
    except SubmissionError:
        return False
    return True

"""A submission as a branch of a git checkout, ready for a pull request."""

import subprocess
from pathlib import Path

from gridkit.errors import EnvironmentProblem, UsageError
from gridkit.leaderboard.submission import Address, Submission
from gridkit.results.wording import describe

MAIN = "main"


def check_checkout(folder: Path) -> Path:
    """Return the root of the checkout that a folder lies in, where a branch can begin.

    Raises:
        UsageError: it is no checkout, has changes, no remote, or another branch than main.
        EnvironmentProblem: git is not installed.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    root = Path(_git(there, "rev-parse", "--show-toplevel").strip())
    branch = _git(root, "branch", "--show-current").strip()
    if branch != MAIN:
        raise UsageError(f"{root} is on branch {branch or '(none)'}; switch to {MAIN} first")
    if _git(root, "status", "--porcelain").strip():
        raise UsageError(f"{root} has changes that are not committed; commit or stash them first")
    if not _git(root, "remote").strip():
        raise UsageError(f"{root} has no remote; clone the repository that the request goes to")
    return root


def commit_branch(root: Path, folder: Path, address: Address, name: str) -> str:
    """Commit a submission on a branch of its own, go back to main, and return the branch.

    Raises:
        UsageError: there is such a branch already, or git refuses.
    """
    branch = f"submit/{address.path.replace('/', '-')}"
    _git(root, "switch", "--quiet", "--create", branch)
    try:
        _git(root, "add", "--", str(folder.absolute()))
        _git(root, "commit", "--quiet", "--message", f"Submission: {name}, {address.path}")
    finally:
        _git(root, "switch", "--quiet", MAIN)
    return branch


def request_text(submission: Submission) -> str:
    """Return what a pull request says of a submission, in Markdown; its texts are quoted."""
    result, card = submission.result, submission.card
    metric = result.rank_metric
    facts, estimate = describe(metric), result.metrics[metric]
    interval = facts.interval(estimate.low, estimate.high)
    rows = {
        "system": card.name,
        "authors": "; ".join(card.authors),
        "licence": card.licence,
        "task and split": f"{result.task}, {result.split_name}:{result.subset_name}",
        facts.label: f"{facts.text(estimate.value)} ({interval}), n = {estimate.n}",
        "failed": f"{sum(result.failed.values())} of {result.n}",
        "predictions": submission.predictions.uri,
    }
    table = "\n".join(f"| {key} | {as_markdown(value)} |" for key, value in rows.items())
    return f"### Submission `{submission.address.path}`\n\n| | |\n|---|---|\n{table}\n"


def as_markdown(text: str) -> str:
    """Return text as one line of Markdown that shows it and makes nothing of it."""
    marks = str.maketrans({mark: f"\\{mark}" for mark in r"\`*_{}[]<>()#+-!|~@"})
    return " ".join(text.split()).translate(marks)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise EnvironmentProblem("git cannot be run; install it") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(f"git {arguments[0]} in {folder}: {last}")
    return done.stdout

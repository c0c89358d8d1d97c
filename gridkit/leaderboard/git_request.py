"""A submission as a branch of a git checkout, ready for a pull request."""

from pathlib import Path

from gridkit.errors import UsageError
from gridkit.leaderboard.git import git
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
    root = Path(git(there, "rev-parse", "--show-toplevel").strip())
    branch = git(root, "branch", "--show-current").strip()
    if branch != MAIN:
        raise UsageError(f"{root} is on branch {branch or '(none)'}; switch to {MAIN} first")
    if git(root, "status", "--porcelain").strip():
        raise UsageError(f"{root} has changes that are not committed; commit or stash them first")
    if not git(root, "remote").strip():
        raise UsageError(f"{root} has no remote; clone the repository that the request goes to")
    return root


def commit_branch(root: Path, folder: Path, address: Address, name: str) -> str:
    """Commit a submission on a branch of its own, go back to main, and return the branch.

    Raises:
        UsageError: there is such a branch already, or git refuses.
    """
    branch = f"submit/{address.path.replace('/', '-')}"
    git(root, "switch", "--quiet", "--create", branch)
    try:
        git(root, "add", "--", str(folder.absolute()))
        git(root, "commit", "--quiet", "--message", f"Submission: {name}, {address.path}")
    finally:
        git(root, "switch", "--quiet", MAIN)
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

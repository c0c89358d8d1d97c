"""`gridkit leaderboard`: check submissions, add them to the board, withdraw them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gridkit.leaderboard.verdict import Verdict
    from gridkit.leaderboard.verify import Checked

EXAMPLE = """\b
Example:
  gridkit leaderboard verify leaderboard/submissions/lab__gan/v1/v2s-s1 --data grid
  gridkit leaderboard add leaderboard/submissions/lab__gan/v1/v2s-s1 --data grid
"""
SUBMISSION = click.argument(
    "folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
BOARD = click.option(
    "--board",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("leaderboard"),
    show_default=True,
    metavar="DIR",
    help="Folder of the board.",
)
DATA = click.option(
    "--data", required=True, metavar="DIR|hf:ORG/NAME@REVISION", help="A prepared corpus."
)
COPY = click.option(
    "--predictions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A copy of the predictions.  [default: where the submission says]",
)
WORKERS = click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: all]")


@click.group(epilog=EXAMPLE)
def command() -> None:
    """The board of scored systems: nothing of a submission is run, all of it is scored again."""


@command.command(epilog=EXAMPLE)
@SUBMISSION
@DATA
@BOARD
@COPY
@WORKERS
@click.option("--json", "as_json", is_flag=True, help="Print verdict.json.")
def verify(
    folder: Path,
    data: str,
    board: Path,
    predictions: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Check a submission: files, figures, and signs of copied sound.

    It ends with status 6 where the submission is rejected.
    """
    checked = _check(folder, data, board, predictions, workers)
    _say(checked, as_json=as_json)


@command.command(epilog=EXAMPLE)
@SUBMISSION
@DATA
@BOARD
@COPY
@WORKERS
@click.option("--why", default="", help="Of a correction: what it corrects.")
def add(
    folder: Path, data: str, board: Path, predictions: Path | None, workers: int | None, why: str
) -> None:
    """Check a submission, and make it a row of the board."""
    from gridkit.leaderboard.board import add as add_row

    checked = _check(folder, data, board, predictions, workers)
    _say(checked)
    click.echo(f"added     {add_row(board, checked, _today(), why)}")


@command.command()
@click.argument("path", metavar="ORG__MODEL/REVISION/TASK-SPLIT")
@BOARD
@click.option("--why", required=True, help="The reason, which the log keeps.")
def withdraw(path: str, board: Path, why: str) -> None:
    """Take a row off the board; its history stays."""
    from gridkit.leaderboard.board import withdraw as withdraw_row

    withdraw_row(board, path, _today(), why)
    click.echo(f"withdrawn {path}")


def _check(
    folder: Path, data: str, board: Path, predictions: Path | None, workers: int | None
) -> "Checked":
    import tempfile

    from gridkit.leaderboard.board import known_to
    from gridkit.leaderboard.verify import verify as check
    from gridkit.prepare.from_hub import local_corpus
    from gridkit.store.reader import open_corpus

    corpus = open_corpus(local_corpus(data))
    with tempfile.TemporaryDirectory(prefix="gridkit-verify-") as work:
        return check(
            folder, corpus, Path(work), known_to(board), predictions=predictions, workers=workers
        )


def _say(checked: "Checked", *, as_json: bool = False) -> None:
    from gridkit.errors import CheckFailed
    from gridkit.leaderboard.verdict import verdict_to_json

    verdict = checked.verdict
    if as_json:
        click.echo(verdict_to_json(verdict), nl=False)
    else:
        _print(verdict)
    if verdict.status == "rejected":
        raise CheckFailed("the submission is rejected")


def _print(verdict: "Verdict") -> None:
    from gridkit.errors import printable

    click.echo(f"{verdict.status}: {_MEANINGS[verdict.status]}")
    for finding in verdict.findings:
        click.echo(f"  {finding.status:10}  {finding.code:10}  {printable(finding.text)}")
    for name, value in verdict.evidence.items():
        click.echo(f"  measured    {name:14}  {value:.3f}")


_MEANINGS = {
    "rescored": "the output gives the figures that are claimed; how it was made is not known",
    "reproduced": "a maintainer ran code and weights, which gave this output",
    "unverified": "something needs a person; it has no rank",
    "rejected": "a rule is broken",
}


def _today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()

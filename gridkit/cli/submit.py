"""`gridkit submit`: a result becomes a submission to the board."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridkit.leaderboard.model_card import ModelCard

EXAMPLE = """\b
Example:
  gridkit submit results/mine --org lab --model gan --revision v1 --card card.json
  gridkit leaderboard verify leaderboard/submissions/lab__gan/v1/v2s-s1 --data grid
"""


@click.command(epilog=EXAMPLE)
@click.argument(
    "result", metavar="RESULT", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--org", required=True, metavar="ORG", help="Who submits: a-z, 0-9, dots, dashes.")
@click.option("--model", required=True, metavar="MODEL", help="The system's short name.")
@click.option("--revision", required=True, metavar="REVISION", help="Which state of it: v1.")
@click.option(
    "--card",
    "card_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A model.json.  [default: asked for, line by line]",
)
@click.option(
    "--upload",
    metavar="ORG/NAME",
    help="Put the predictions into this dataset on the Hub.  [default: beside the other files]",
)
@click.option(
    "--predictions-uri",
    metavar="hf:ORG/NAME@COMMIT/PATH",
    help="Where you have put the predictions yourself.",
)
@click.option(
    "--to",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("leaderboard/submissions"),
    show_default=True,
    metavar="DIR",
    help="Folder of submissions.",
)
@click.option(
    "--pull-request",
    "hub_board",
    metavar="ORG/BOARD",
    help="Propose it to the board in this dataset on the Hub; nothing is kept here.",
)
@click.option(
    "--branch", is_flag=True, help="Also commit it on a branch of the git checkout it lies in."
)
@click.option("--dry-run", is_flag=True, help="Say what would be written; write nothing.")
def command(
    result: Path,
    org: str,
    model: str,
    revision: str,
    card_file: Path | None,
    upload: str | None,
    predictions_uri: str | None,
    root: Path,
    hub_board: str | None,
    branch: bool,
    dry_run: bool,
) -> None:
    """Make a submission of what `gridkit evaluate` wrote into RESULT.

    What is submitted is the system's output. The board computes the figures again.
    """
    import os

    # read when huggingface_hub is imported; with Xet, uploads cannot be followed or tested
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    from gridkit.leaderboard.git_request import check_checkout
    from gridkit.leaderboard.hub_request import check_board
    from gridkit.leaderboard.predictions_file import is_on_the_hub
    from gridkit.leaderboard.submit import address_of, check_result, write_submission
    from gridkit.results.files import read_scored

    if upload is not None and predictions_uri is not None:
        raise click.UsageError("--upload and --predictions-uri exclude each other")
    if branch and hub_board is not None:
        raise click.UsageError("--branch and --pull-request exclude each other")
    if branch and upload is None and predictions_uri is None:
        raise click.UsageError(
            "--branch needs --upload or --predictions-uri: the predictions do not go into git"
        )
    if predictions_uri is not None and not is_on_the_hub(predictions_uri):
        raise click.UsageError(
            f"--predictions-uri {predictions_uri}: expected hf:ORG/NAME@COMMIT/PATH.parquet with "
            "all 40 digits of the commit"
        )
    checkout = check_checkout(root) if branch else None
    scored = read_scored(result)
    check_result(scored)
    address = address_of(scored, org, model, revision)
    if hub_board is not None:
        check_board(hub_board, address)
    card = _ask_card() if card_file is None else _read_card(card_file)
    if dry_run:
        where = f"hf:{hub_board}, a pull request" if hub_board else root / address.path
        click.echo(f"{where}: {scored.result.n} clips of {card.name}; nothing written")
        return
    place = _place(upload, predictions_uri, address.path)
    if hub_board is not None:
        _propose(hub_board, lambda folder: write_submission(result, folder, address, card, place))
        return
    folder = write_submission(result, root, address, card, place)
    click.echo(f"written   {folder}")
    if checkout is not None:
        _commit(checkout, folder)
    click.echo(f"check it  gridkit leaderboard verify {folder} --data DIR")


def _place(upload: str | None, uri: str | None, folder: str) -> "Callable[[Path], str]":
    """Return what puts the predictions where they will lie."""
    from gridkit.leaderboard.submit import beside

    if upload is not None:
        return partial(_upload, upload, folder)
    return beside if uri is None else lambda _path: uri


def _upload(repo: str, folder: str, path: Path) -> str:
    from gridkit.leaderboard.predictions_file import upload_predictions

    return upload_predictions(path, repo, f"{folder}/{path.name}")


def _propose(board: str, write: "Callable[[Path], Path]") -> None:
    """Propose a submission that is made for this alone: a run that fails leaves none behind."""
    import tempfile

    from gridkit.leaderboard.hub_request import propose
    from gridkit.leaderboard.submission import read_submission

    with tempfile.TemporaryDirectory(prefix="gridkit-submit-") as folder:
        request = propose(read_submission(write(Path(folder))), board)
    opened = "opened" if request.is_new else "open already, with these very files"
    click.echo(f"request   {request.page} ({opened})")


def _commit(checkout: Path, folder: Path) -> None:
    from gridkit.leaderboard.git_request import commit_branch, request_text
    from gridkit.leaderboard.submission import read_submission

    submission = read_submission(folder)
    branch = commit_branch(checkout, folder, submission.address, submission.card.name)
    click.echo(f"branch    {branch}: git switch to it, check it, git push it")
    click.echo("request   open one with this text:\n")
    click.echo(request_text(submission))


def _read_card(path: Path) -> "ModelCard":
    from gridkit.leaderboard.model_card import card_from_json
    from gridkit.results.strict_json import read_text

    return card_from_json(read_text(path), str(path))


def _ask_card() -> "ModelCard":
    """Ask at the terminal for what the board says of the system; a wrong answer is asked again."""
    from gridkit.leaderboard.model_card import ModelCard

    click.echo("What the board says of your system; Enter takes what is in [].")
    entries: dict[str, object] = {"authors": ["?"], "licence": "?", "training_speakers": None}
    for key, question, default, read in _QUESTIONS:
        entries[key] = _ask(entries, key, question, default, read)
    for key, question in _YES_OR_NO:
        entries[key] = click.confirm(question, default=False)
    card: ModelCard = _card_of(entries)
    return card


def _ask(
    entries: dict[str, object],
    key: str,
    question: str,
    default: str,
    read: "Callable[[str], object]",
) -> object:
    from gridkit.errors import SubmissionError

    while True:
        text = str(click.prompt(question, default=default, show_default=bool(default))).strip()
        try:
            answer = read(text)
            _card_of({"name": "unnamed"} | entries | {key: answer})
        except (SubmissionError, ValueError) as error:
            click.echo(f"  {error}")
        else:
            return answer


def _card_of(entries: dict[str, object]) -> "ModelCard":
    import json

    from gridkit.leaderboard.model_card import SCHEMA, card_from_json

    return card_from_json(json.dumps({"schema": SCHEMA} | entries), "the card")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(";") if name.strip()]


def _speakers(text: str) -> list[str] | None:
    return None if text == "?" else text.lower().replace(",", " ").split()


def _number(text: str) -> int | None:
    if text and not text.replace(",", "").isdecimal():
        raise ValueError(f"{text} is not a whole number, as 2260000")
    return int(text.replace(",", "")) if text else None


_QUESTIONS = (
    ("name", "name", "", str),
    ("authors", "authors, separated by ;", "", _names),
    ("licence", "licence", "not released", str),
    ("training_speakers", "GRID's speakers it was trained on, as s1 s2", "?", _speakers),
    ("parameters", "number of parameters (empty: not counted)", "", _number),
    ("paper", "paper, https://... (empty: none)", "", str),
    ("code", "code, https://... (empty: none)", "", str),
    ("extra_data", "other data it was trained on (empty: none)", "", str),
    ("decoding", "decoding (empty: does not apply)", "", lambda text: text or None),
)
_YES_OR_NO = (
    ("uses_speaker_audio", "is it given sound of the speaker?"),
    ("uses_text", "is it given the sentence, or a part of it?"),
)

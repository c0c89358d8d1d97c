"""`gridkit leaderboard`: check submissions, add and withdraw rows, build the site."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.decodings import DECODINGS

if TYPE_CHECKING:
    from gridkit.evaluation.systems.spec import ModelSpec
    from gridkit.leaderboard.board import Known
    from gridkit.leaderboard.verdict import Verdict
    from gridkit.leaderboard.verify import Checked
    from gridkit.store.reader import Corpus

EXAMPLE = """\b
Example:
  gridkit leaderboard verify leaderboard/submissions/lab__gan/v1/v2s-s1 --data grid
  gridkit leaderboard add leaderboard/submissions/lab__gan/v1/v2s-s1 --data grid
  gridkit leaderboard build --out site
"""
REPRODUCE_EXAMPLE = """\b
Example:
  gridkit leaderboard reproduce leaderboard/submissions/lab__gan/v1/v2s-s1 \\
    --model recipes/gan --data grid
"""
REQUEST_EXAMPLE = """\b
Example:
  gridkit leaderboard check-pr main submit/lab__gan-v1-v2s-s1 --data grid
"""
WITHDRAW_EXAMPLE = """\b
Example:
  gridkit leaderboard withdraw lab__gan/v1/v2s-s1 --why "its people ask"
"""
CONTROLS_EXAMPLE = """\b
Example:
  gridkit leaderboard controls v2s s1 --data grid
  gridkit leaderboard controls recognition s1 --data grid \\
    --recogniser recipes/judge-s1:grammar
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
    with _checking(data, board, None) as check:
        checked = check(folder, predictions, workers)
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

    _check_can_add(board, folder, why)
    with _checking(data, board, None) as check:
        checked = check(folder, predictions, workers)
        _say(checked)
        row = add_row(board, checked, _today(), why, check.samples(checked))
        click.echo(f"added     {row}")


@command.command(epilog=REPRODUCE_EXAMPLE)
@SUBMISSION
@DATA
@BOARD
@COPY
@WORKERS
@click.option("--model", required=True, help="Code and weights, as gridkit evaluate takes them.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--decoding", type=click.Choice(DECODINGS), help="Of a recipe.")
@click.option("--trust-remote-code", is_flag=True, help="Run Python code from the Hub, locked in.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Keep what is made on the way there; a killed run resumes.")  # fmt: skip
@click.option("--why", default="", help="Of a row that is there already: what changed.")
def reproduce(
    folder: Path,
    data: str,
    board: Path,
    predictions: Path | None,
    workers: int | None,
    model: str,
    device: str,
    decoding: str | None,
    trust_remote_code: bool,
    work: Path | None,
    why: str,
) -> None:
    """Run code and weights, locked in, and make a row of what they give.

    A row is `reproduced` where the figures are those submitted, and where clips that are
    compressed again, moved by a pixel or mirrored lose no more than the interval is wide. The
    system is timed as well: run this alone on the machine.
    """
    from gridkit.evaluation.systems.spec import decoded_by, download_model, parse_model
    from gridkit.leaderboard.board import add as add_row

    _check_can_add(board, folder, why)
    spec = download_model(parse_model(model), trust_remote_code=trust_remote_code)
    spec = decoded_by(spec, decoding)
    with _checking(data, board, work) as check:
        checked = check(folder, predictions, workers)
        checked = check.run_model(checked, spec, device)
        _say(checked)
        if checked.own_timing is None:
            click.echo("not run   a run cannot answer what is in doubt")
        row = add_row(board, checked, _today(), why, check.samples(checked))
        click.echo(f"added     {row}")


@command.command("check-pr", epilog=REQUEST_EXAMPLE)
@click.argument("base")
@click.argument("head")
@DATA
@BOARD
@WORKERS
@click.option(
    "--checkout",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Folder of the git checkout, with HEAD checked out.  [default: this folder]",
)
def check_pr(
    base: str, head: str, data: str, board: Path, workers: int | None, checkout: Path
) -> None:
    """Check the submissions that a pull request adds; it may change nothing else.

    It prints Markdown for a comment: verdicts, and the ranks before and after. It ends with
    status 6 where anything is rejected.
    """
    from gridkit.errors import CheckFailed
    from gridkit.leaderboard.git_request import as_markdown
    from gridkit.leaderboard.pull_request import check_head, touched_by
    from gridkit.leaderboard.rank_changes import change_lines, rank_changes

    touched = touched_by(checkout, base, head)
    check_head(checkout, head)
    for finding in touched.findings:
        click.echo(f"- **{finding.status}** {as_markdown(finding.line)}")
    rejected = bool(touched.findings)
    with _checking(data, board, None) as check:
        checked = []
        for folder in touched.submissions:
            checked.append(check(checkout / folder, None, workers))
            verdict = checked[-1].verdict
            click.echo(f"\n### `{folder}`: {verdict.status}\n")
            _print(verdict, "- ", as_markdown)
            rejected |= verdict.status == "rejected"
        for change in rank_changes(board, checked):
            click.echo()
            for line in change_lines(change):
                click.echo(line)
    if rejected:
        raise CheckFailed("the request cannot be taken as it is")


@command.command(epilog=WITHDRAW_EXAMPLE)
@click.argument("path", metavar="ORG__MODEL/REVISION/TASK-SPLIT")
@BOARD
@click.option("--why", required=True, help="The reason, which the log keeps.")
def withdraw(path: str, board: Path, why: str) -> None:
    """Take a row off the board; its history stays."""
    from gridkit.leaderboard.board import withdraw as withdraw_row

    withdraw_row(board, path, _today(), why)
    click.echo(f"withdrawn {path}")


@command.command(epilog=CONTROLS_EXAMPLE)
@click.argument("task", type=click.Choice(["v2s", "lipreading", "recognition"]))
@click.argument("split")
@DATA
@BOARD
@WORKERS
@click.option(
    "--recogniser",
    "recognisers",
    multiple=True,
    default=("pocketsphinx",),
    show_default=True,
    help="Transcribes the speech: a name, or a recipe folder[:DECODING]; of the task recognition "
    "a recipe that is a row itself; several times for several.",
)
def controls(
    task: str,
    split: str,
    data: str,
    board: Path,
    workers: int | None,
    recognisers: tuple[str, ...],
) -> None:
    """Score the controls of a table: what the best and the worst figures look like.

    Those of recognition are recognisers: what they read from the recordings themselves.
    """
    import tempfile

    from gridkit.evaluation.options import Options
    from gridkit.evaluation.reference_rows import control_rows
    from gridkit.evaluation.scoring.scorer import open_scorer
    from gridkit.evaluation.subset import open_subset
    from gridkit.leaderboard.controls import recogniser_rows, write_controls
    from gridkit.leaderboard.submission import SCORED_SUBSET
    from gridkit.prepare.from_hub import local_corpus
    from gridkit.store.reader import open_corpus

    subset = open_subset(open_corpus(local_corpus(data)), f"{split}:{SCORED_SUBSET}")
    named = [name for name in recognisers if name != "pocketsphinx"]
    judges, rows_too = (("pocketsphinx",), named) if task == "recognition" else (recognisers, [])
    options = Options(recognisers=judges, task=task, workers=workers, timed=False)
    with open_scorer(subset, options) as scorer, tempfile.TemporaryDirectory() as work:
        rows = [
            *control_rows(task, subset, options, scorer),
            *recogniser_rows(rows_too, subset, options, scorer, Path(work)),
        ]
        for folder in write_controls(board, rows):
            click.echo(f"control   {folder}")


@command.command(epilog=EXAMPLE)
@BOARD
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("site"),
    show_default=True,
    metavar="DIR",
    help="Folder of the site.",
)
def build(board: Path, out: Path) -> None:
    """Build the site of the board: pages that open from a disk, without a server or a network.

    What a build before left in the folder stays where nothing has changed.
    """
    from gridkit.errors import UsageError
    from gridkit.leaderboard.site.build import build as build_site

    if not board.is_dir():
        raise UsageError(f"{board} is not a folder; name that of the board by --board")
    built = build_site(board, out)
    click.echo(f"rows      {built.rows} in {built.boards} tables")
    click.echo(f"written   {len(built.written)} files; removed {len(built.removed)}")
    click.echo(f"site      {out / 'index.html'}")


@contextmanager
def _checking(data: str, board: Path, work: Path | None) -> "Iterator[_Check]":
    """Give what checks submissions on a corpus, with a folder for what is made on the way."""
    import tempfile

    from gridkit.leaderboard.board import known_to
    from gridkit.prepare.from_hub import local_corpus
    from gridkit.store.reader import open_corpus

    corpus = open_corpus(local_corpus(data))
    with tempfile.TemporaryDirectory(prefix="gridkit-verify-") as temporary:
        yield _Check(corpus, known_to(board), work or Path(temporary))


@dataclass(frozen=True)
class _Check:
    """Checks submissions, each in a folder of its own."""

    corpus: "Corpus"
    known: "Known"
    work: Path

    def __call__(self, folder: Path, predictions: Path | None, workers: int | None) -> "Checked":
        from gridkit.leaderboard.verify import verify as check

        own = self._own(folder)
        return check(folder, self.corpus, own, self.known, predictions=predictions, workers=workers)

    def run_model(self, checked: "Checked", spec: "ModelSpec", device: str) -> "Checked":
        """Return what was checked with the verdict and times that a run of the model leaves."""
        from gridkit.leaderboard.reproduce import reproduce as run
        from gridkit.leaderboard.verify import options_of, subset_of

        if checked.submission is None:
            return checked
        submission = checked.submission
        options = replace(options_of(submission, None), device=device, timed=True)
        subset = subset_of(self.corpus, submission)
        return run(checked, spec, subset, self._own(submission.folder), options)

    def samples(self, checked: "Checked") -> dict[str, bytes]:
        """Return the clips to listen to, where the submission could be scored."""
        from gridkit.evaluation.report.media import media_of
        from gridkit.leaderboard.samples import make_samples
        from gridkit.leaderboard.verify import subset_of

        if checked.submission is None or checked.scored is None:
            return {}
        subset = subset_of(self.corpus, checked.submission)
        return make_samples(checked.scored, media_of(checked.scored, subset))

    def _own(self, folder: Path) -> Path:
        own = self.work.joinpath(*folder.absolute().parts[-3:])
        own.mkdir(parents=True, exist_ok=True)
        return own


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


def _check_can_add(board: Path, folder: Path, why: str) -> None:
    """Refuse before the long work what would be refused after it."""
    from gridkit.leaderboard.board import check_can_add
    from gridkit.leaderboard.submission import parse_address

    check_can_add(board, parse_address(folder).path, why)


def _print(
    verdict: "Verdict", mark: str = "  ", shown: Callable[[str], str] = lambda line: line
) -> None:
    from gridkit.leaderboard.verdict import MEANINGS

    click.echo(f"{verdict.status}: {MEANINGS[verdict.status]}")
    for finding in verdict.findings:
        click.echo(f"{mark}{finding.status:10}  {finding.code:10}  {shown(finding.line)}")
    for name, value in verdict.evidence.items():
        click.echo(f"{mark}measured    {name:15}  {value:.3f}")


def _today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()
